import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Every reset ends its connection, whatever came right before it, and no handler takes it for an end of stream.
/// FAULTS B1, B2.
@Suite(.timeLimit(.minutes(3)))
struct ResetBurstTests {
  enum Service: CaseIterable {
    case echoByTasks
    case echoByHandlers
    case receiveOnly
  }

  private struct Receiver: ConnectionHandler {
    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {}
  }

  private static let features: [[KernelFeature]] = [[], [.multishotReceive], [.receiveLimit]]

  @Test(arguments: Service.allCases, features)
  func afterABurstOfResetsNothingStaysOpen(service: Service, without: [KernelFeature]) async throws {
    var configuration = TCPServer.Configuration()
    configuration.loop.disabledFeatures = without
    let running =
      switch service {
      case .echoByTasks: try await RunningServer.echo(.tasks, configuration)
      case .echoByHandlers: try await RunningServer.echo(.handlers, configuration)
      case .receiveOnly:
        try await RunningServer.start(configuration) { server, whenListening in
          try await server.run(whenListening: whenListening) { Receiver() }
        }
      }
    let port = running.port
    let rounds = TestRun.amount(without.isEmpty ? 150 : 40, short: 20, long: 4000)
    let message = Pattern().bytes(count: 70_000)
    try await blockingThreads(4) { _ in
      for _ in 0..<rounds {
        let client = try BlockingClient(port: port, guardSeconds: 20)
        try client.send(message)
        try client.reset()
      }
    }
    let opened = UInt64(4 * rounds)
    _ = try await comesTrue { running.server.statistics.connectionsOpened == opened }
    try await running.settles()
    let summary = try await running.stop()
    #expect(summary.totals.connectionsOpened == opened && summary.totals.connectionsClosed == opened)
    #expect(summary.totals.handlerErrors == 0)
  }

  struct Heard: Sendable {
    var inputEnds = 0
    var reasons: [SocketError?] = []
  }

  /// Does not close when its peer's stream ends.
  private struct Stayer: ConnectionHandler {
    let heard: Locked<Heard>

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {}
    mutating func inputEnded(_ connection: borrowing ConnectionContext) { heard.change { $0.inputEnds += 1 } }
    mutating func closed(_ error: SocketError?) { heard.change { $0.reasons.append(error) } }
  }

  @Test(arguments: features)
  func aHandlerHearsOfAResetOnlyThatItIsClosed(without: [KernelFeature]) async throws {
    var configuration = TCPServer.Configuration()
    configuration.loop.disabledFeatures = without
    let heard = Locked(Heard())
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { Stayer(heard: heard) }
    }
    let port = running.port
    let count = 200
    try await blocking {
      for number in 0..<count {
        let client = try BlockingClient(port: port)
        try client.send([1])
        // Half of the resets follow at once, half when the byte has been received.
        if number % 2 == 0 {
          while running.server.statistics.bytesReceived < UInt64(number / 2) { usleep(100) }
        }
        try client.reset()
      }
    }
    _ = try await comesTrue { heard.value.reasons.count == count }
    let (ends, reasons) = (heard.value.inputEnds, heard.value.reasons)
    #expect(ends == 0)
    #expect(reasons.count == count)
    #expect(reasons.allSatisfy { $0?.errno == .connectionReset })
    try await running.settles()
    try await running.stop()
  }

  /// The other end, for comparison: a FIN is `inputEnded`, once, and not the end of the connection.
  @Test func aHandlerHearsOfAnEndOfStreamAndMaySendOn() async throws {
    let heard = Locked(Heard())
    let ids = Locked<[ConnectionID]>([])
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { SlowCloser(heard: heard, ids: ids) }
    }
    try await blocking {
      let client = try BlockingClient(port: running.port, guardSeconds: 20)
      try client.closeOutput()
      #expect(try client.receiveToEnd() == [7, 8])
    }
    try await running.settles()
    #expect(heard.value.inputEnds == 1 && heard.value.reasons == [nil])
    try await running.stop()
  }

  /// Sends after the end of the input, and ends its own stream then.
  private struct SlowCloser: ConnectionHandler {
    let heard: Locked<Heard>
    let ids: Locked<[ConnectionID]>

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {}
    mutating func inputEnded(_ connection: borrowing ConnectionContext) throws {
      heard.change { $0.inputEnds += 1 }
      let (loop, id) = (connection.loop, connection.id)
      Task {
        try await Task.sleep(for: .milliseconds(20))
        loop.execute {
          loop.withConnection(id) { connection in
            guard let view = try? connection.arena.message([7, 8]) else { return }
            connection.send(view)
            connection.closeOutput()
          }
        }
      }
    }
    mutating func closed(_ error: SocketError?) { heard.change { $0.reasons.append(error) } }
  }
}
