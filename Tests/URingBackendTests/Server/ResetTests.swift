import CLiburing
import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A peer that sends a RST at some stage costs the server that one connection, and nothing else.
@Suite(.timeLimit(.minutes(5)))
struct ResetTests {
  enum Stage: CaseIterable {
    case beforeTheFirstByte
    case afterAnEcho
    case middleOfReceiving
    case middleOfSending
    case afterHalfClose
    case afterHalfCloseWithUnreadBytes
  }

  @Test(arguments: ServerMode.allCases, Stage.allCases)
  func aResetClosesOneConnectionAndLeavesNothingBehind(mode: ServerMode, stage: Stage) async throws {
    let running = try await RunningServer.echo(mode)
    let port = running.port
    let rounds = TestRun.amount(10, short: 3, long: 100)
    try await blocking {
      let bystander = try BlockingClient(port: port)
      for _ in 0..<rounds { try reset(try BlockingClient(port: port), at: stage) }
      try EchoSwarm.run([EchoExchange(bystander, total: 50_000, seed: 1)])
    }
    try await eventually { running.server.statistics.connectionsClosed == UInt64(rounds + 1) }
    let summary = try await running.stop()
    #expect(summary.totals.connectionsOpened == UInt64(rounds + 1))
  }

  private func reset(_ client: BlockingClient, at stage: Stage) throws {
    switch stage {
    case .beforeTheFirstByte:
      break
    case .afterAnEcho:
      try client.send([1, 2, 3])
      #expect(try client.receive(exactly: 3) == [1, 2, 3])
    case .middleOfReceiving:
      // The server still receives while this side is gone.
      try client.send(Pattern().bytes(count: 200_000))
    case .middleOfSending:
      // More than the sockets hold, and nobody reads: the server's send is under way.
      fill(client)
    case .afterHalfClose:
      try client.send([1])
      try client.closeOutput()
      #expect(try client.receive(exactly: 1) == [1])
    case .afterHalfCloseWithUnreadBytes:
      try client.send(Pattern().bytes(count: 100_000))
      try client.closeOutput()
      #expect(try client.receive(exactly: 1).count == 1)
    }
    try client.reset()
  }

  /// A task sees what arrived before the reset, then the kernel's reason, with the peer. It is cancelled, because its
  /// connection is over; that a peer went is no error of the server's.
  @Test func aTaskSeesWhatArrivedAndThenTheReason() async throws {
    let outcome = Locked<(bytes: Int, error: SocketError?)>((0, nil))
    let mayRead = Locked(false)
    let wasCancelled = Locked(false)
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        while !mayRead.withLock({ $0 }) {
          if Task.isCancelled { wasCancelled.withLock { $0 = true } }
          await Task.yield()
        }
        do {
          while let view = try await connection.receive() {
            let count = view.count
            outcome.withLock { $0.bytes += count }
          }
        } catch let error as SocketError {
          outcome.withLock { $0.error = error }
          throw error
        }
      }
    }
    let port = running.port
    try await blocking {
      let client = try BlockingClient(port: port)
      try client.send([1, 2, 3, 4, 5])
      while running.server.statistics.bytesReceived < 5 { usleep(1000) }
      try client.reset()
    }
    try await eventually { wasCancelled.withLock { $0 } }
    mayRead.withLock { $0 = true }
    try await eventually { running.server.statistics.connectionsClosed == 1 }
    let (bytes, error) = outcome.withLock { $0 }
    #expect(bytes == 5)
    #expect(error?.kind == .system(.connectionReset) && error?.operation == .receive)
    #expect(error?.peer?.host == "127.0.0.1")
    let summary = try await running.stop()
    #expect(summary.totals.handlerErrors == 0)
  }

  @Test func aHandlerIsToldTheReasonWhenItsConnectionIsGone() async throws {
    let reasons = Locked<[SocketError?]>([])
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) {
        ClosingReporter { error in reasons.withLock { $0.append(error) } }
      }
    }
    let port = running.port
    try await blocking {
      let client = try BlockingClient(port: port)
      try client.send([1])
      #expect(try client.receive(exactly: 1) == [1])
      try client.reset()
    }
    try await eventually { running.server.statistics.connectionsClosed == 1 }
    try await blocking {
      let client = try BlockingClient(port: port)
      try client.closeOutput()
      #expect(try client.receiveToEnd().isEmpty)
    }
    try await running.stop()
    let seen = reasons.withLock { $0 }
    #expect(seen.count == 2)
    #expect(seen.first??.errno == .connectionReset)
    #expect(seen.last == .some(nil))
  }
}

/// Sends until nothing more goes out for a while.
func fill(_ client: BlockingClient) {
  while true {
    var one = pollfd(fd: client.descriptor, events: Int16(POLLOUT), revents: 0)
    guard unsafe poll(&one, 1, 200) == 1, one.revents & Int16(POLLERR | POLLHUP) == 0 else { return }
    unsafe Pattern().withBytes(at: 0, count: Pattern.longest) {
      _ = unsafe try? client.sendSome($0, flags: Int32(MSG_DONTWAIT))
    }
  }
}

/// Echoes, and reports how its connection ended.
struct ClosingReporter: ConnectionHandler {
  let report: @Sendable (SocketError?) -> Void

  mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
    connection.send(view)
  }

  mutating func closed(_ error: SocketError?) {
    report(error)
  }
}
