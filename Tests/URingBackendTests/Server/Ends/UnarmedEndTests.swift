import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Ends of connections that receive nothing at the moment: the user paused them, or is busy, or has had the end of their
/// input already.
@Suite(.timeLimit(.minutes(3)))
struct UnarmedEndTests {
  enum Ending: CaseIterable {
    case reset
    case bytesAndReset
    case endOfStream

    func end(_ client: BlockingClient) throws {
      switch self {
      case .reset: try client.reset()
      case .bytesAndReset:
        try client.send(Pattern().bytes(count: 100_000))
        try client.reset()
      case .endOfStream: try client.closeOutput()
      }
    }
  }

  struct Heard: Sendable {
    var isPaused = false
    var inputEnds = 0
    var bytes = 0
    var gone: [SocketError?] = []
  }

  /// Stops receiving after the first byte.
  private struct Pauser: ConnectionHandler {
    let heard: Locked<Heard>

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
      let count = view.count
      connection.pauseInput(true)
      heard.change {
        $0.isPaused = true
        $0.bytes += count
      }
    }
    mutating func inputEnded(_ connection: borrowing ConnectionContext) {
      heard.change { $0.inputEnds += 1 }
      connection.close()
    }
    mutating func closed(_ error: SocketError?) { heard.change { $0.gone.append(error) } }
  }

  @Test(arguments: Ending.allCases, [[], [KernelFeature.multishotReceive]])
  func aHandlerThatPausedItsInputHearsOfTheEnd(ending: Ending, without: [KernelFeature]) async throws {
    let heard = Locked(Heard())
    var configuration = TCPServer.Configuration()
    configuration.loop.disabledFeatures = without
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { Pauser(heard: heard) }
    }
    try await blocking {
      for round in 1...10 {
        let client = try BlockingClient(port: running.port, guardSeconds: 20)
        try client.send([1])
        while heard.value.bytes < round { usleep(500) }
        usleep(5000)
        try ending.end(client)
        let start = ContinuousClock.now
        while heard.value.gone.count < round, ContinuousClock.now - start < .seconds(5) { usleep(500) }
      }
    }
    #expect(heard.value.gone.count == 10)
    if ending == .endOfStream {
      #expect(heard.value.inputEnds == 10 && heard.value.gone.allSatisfy { $0 == nil })
    } else {
      #expect(heard.value.inputEnds == 0 && heard.value.gone.allSatisfy { $0?.errno == .connectionReset })
    }
    try await running.settles()
    try await running.stop()
  }

  /// A body that is busy with something else, whose peer sends more than there is credit for.
  @Test(arguments: [Ending.reset, .bytesAndReset])
  func aBusyBodyIsCancelledByAReset(ending: Ending) async throws {
    var configuration = TCPServer.Configuration()
    configuration.limits.unreadBytes = 4096
    let cancelled = Locked(0)
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        do {
          try await connection.loop.sleep(for: .seconds(1000))
        } catch {
          cancelled.change { $0 += 1 }
          throw error
        }
      }
    }
    try await blocking {
      for _ in 0..<10 {
        let client = try BlockingClient(port: running.port, guardSeconds: 20)
        try client.send(Pattern().bytes(count: 20_000))
        usleep(5000)
        try ending.end(client)
      }
    }
    #expect(try await comesTrue { cancelled.value == 10 })
    try await running.settles()
    let summary = try await running.stop()
    #expect(summary.totals.handlerErrors == 0)
  }

  /// Stays open after the end of its input, and has nothing to send yet.
  private struct Thinker: ConnectionHandler {
    let heard: Locked<Heard>

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {}
    mutating func inputEnded(_ connection: borrowing ConnectionContext) { heard.change { $0.inputEnds += 1 } }
    mutating func closed(_ error: SocketError?) { heard.change { $0.gone.append(error) } }
  }

  /// A peer may half-close, wait for its answer, and give up.
  @Test func aResetAfterTheEndOfTheInputIsHeardByAHandler() async throws {
    let heard = Locked(Heard())
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { Thinker(heard: heard) }
    }
    try await blocking {
      let client = try BlockingClient(port: running.port, guardSeconds: 20)
      try client.send([1])
      try client.closeOutput()
      while heard.value.inputEnds == 0 { usleep(1000) }
      try client.reset()
    }
    #expect(try await comesTrue(within: .seconds(3)) { heard.value.gone.count == 1 })
    #expect(heard.value.gone.map { $0?.errno } == [.connectionReset])
    running.server.abort()
    try await running.ended()
  }

  @Test func aResetAfterTheEndOfTheInputCancelsABody() async throws {
    let hasEnded = Locked(false)
    let cancelled = Locked(false)
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        while let view = try await connection.receive() { view.release() }
        hasEnded.change { $0 = true }
        defer { cancelled.change { $0 = Task.isCancelled } }
        try await connection.loop.sleep(for: .seconds(1000))
      }
    }
    try await blocking {
      let client = try BlockingClient(port: running.port, guardSeconds: 20)
      try client.closeOutput()
      while !hasEnded.value { usleep(1000) }
      try client.reset()
    }
    #expect(try await comesTrue(within: .seconds(3)) { cancelled.value })
    running.server.abort()
    try await running.ended()
  }
}
