import IOBuffers
import Logging
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What user code throws is logged where people look, and counted; that a peer went is neither. FAULTS B13.
@Suite(.timeLimit(.minutes(3)))
struct ErrorReportTests {
  struct Deliberate: Error {}

  enum Call: UInt8, CaseIterable {
    case opened
    case received
    case inputEnded
    case stopping
  }

  private struct Thrower: ConnectionHandler {
    let call: Call

    mutating func opened(_ connection: borrowing ConnectionContext) throws {
      if call == .opened { throw Deliberate() }
    }
    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      if call == .received { throw Deliberate() }
      connection.send(view)
    }
    mutating func inputEnded(_ connection: borrowing ConnectionContext) throws {
      if call == .inputEnded { throw Deliberate() }
      connection.close()
    }
  }

  @Test(arguments: [Call.opened, .received, .inputEnded])
  func whatAHandlerThrowsIsLoggedAsAnError(call: Call) async throws {
    let log = RecordedLog()
    let running = try await RunningServer.start(log: log) { server, whenListening in
      try await server.run(whenListening: whenListening) { Thrower(call: call) }
    }
    try await blocking {
      let client = try BlockingClient(port: running.port, guardSeconds: 20)
      try? client.send([1])
      try? client.closeOutput()
      _ = client.isEnded()
    }
    try await running.settles()
    let summary = try await running.stop()
    #expect(summary.totals.handlerErrors == 1)
    let errors = log.lines.filter { $0.level >= .error }
    #expect(errors.count == 1 && errors[0].level == .error)
    #expect(errors.allSatisfy { $0.text.contains("Deliberate") && $0.text.contains("127.0.0.1:") })
  }

  enum Thrown: CaseIterable {
    case own
    /// Of an upstream that cannot be reached.
    case ofAnotherConnection
    /// A mistake: two tasks receive.
    case busy
    /// Nobody cancelled it.
    case cancellation
  }

  @Test(arguments: Thrown.allCases)
  func whatABodyThrowsIsLoggedAsAnError(thrown: Thrown) async throws {
    let log = RecordedLog()
    let closed = try ClosedPort()
    let port = closed.port
    let running = try await RunningServer.start(log: log) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        switch thrown {
        case .own: throw Deliberate()
        case .cancellation: throw CancellationError()
        case .ofAnotherConnection:
          _ = try await TCPConnection.connect(to: .loopback(port: port), on: connection.loop)
        case .busy:
          async let other = connection.receive()?.count
          while !connection.hasReceiver { await Task.yield() }
          _ = try await connection.receive()?.count
          _ = try await other
        }
      }
    }
    try await blocking {
      let client = try BlockingClient(port: running.port, guardSeconds: 20)
      #expect(try client.end() == .reset, "\(thrown)")
    }
    try await running.settles()
    let summary = try await running.stop()
    #expect(summary.totals.handlerErrors == 1)
    #expect(log.count(atLeast: .error) == 1, "\(log.lines)")
  }

  /// How peers, and servers, end connections that serve well.
  enum Ordinary: CaseIterable {
    case endOfStream
    case resetWhileReceiving
    case resetWhileSending
    case resetWhileSleeping
    case idle
    case stop
  }

  @Test(arguments: Ordinary.allCases)
  func anOrdinaryEndIsNoErrorOfABody(ordinary: Ordinary) async throws {
    try await check(ordinary) { connection in
      while let view = try await connection.receive() {
        if ordinary == .resetWhileSleeping { try await connection.loop.sleep(for: .seconds(1000)) }
        try await connection.send(view)
      }
    }
  }

  @Test(arguments: Ordinary.allCases)
  func anOrdinaryEndIsNoErrorOfATaskOfItsOwn(ordinary: Ordinary) async throws {
    // Calls of a child task take another way.
    try await check(ordinary) { connection in
      try await withThrowingTaskGroup { group in
        group.addTask {
          while let view = try await connection.receive() {
            if ordinary == .resetWhileSleeping { try await Task.sleep(for: .seconds(1000)) }
            try await connection.send(view)
          }
        }
        try await group.waitForAll()
      }
    }
  }

  private func check(
    _ ordinary: Ordinary,
    _ body: @escaping @Sendable (TCPConnection) async throws -> Void
  ) async throws {
    var configuration = TCPServer.Configuration()
    configuration.options.sendBufferBytes = 8192
    configuration.drainTimeout = .milliseconds(20)
    if ordinary == .idle { configuration.limits.idleTimeout = .milliseconds(50) }
    let log = RecordedLog()
    let running = try await RunningServer.start(configuration, log: log) { server, whenListening in
      try await server.run(whenListening: whenListening, body)
    }
    let client = try BlockingClient(port: running.port, bufferBytes: 8192, guardSeconds: 20)
    try await blocking {
      switch ordinary {
      case .idle: break  // From the beginning: it may be slower than its time.
      case .resetWhileSleeping:
        try client.send([1])
        while running.server.statistics.bytesReceived == 0 { usleep(1000) }
      case .endOfStream, .resetWhileReceiving, .resetWhileSending, .stop: #expect(try client.echo([1]) == [1])
      }
      switch ordinary {
      case .endOfStream: try client.closeOutput()
      case .resetWhileReceiving, .resetWhileSleeping: try client.reset()
      case .resetWhileSending:
        fill(client)
        try client.reset()
      case .idle, .stop: break
      }
    }
    if ordinary == .stop { running.server.shutdown() }
    if ordinary != .stop { try await running.settles() }
    let summary = try await running.stop()
    #expect(summary.totals.handlerErrors == 0)
    #expect(log.count(atLeast: .warning) == 0, "\(log.lines)")
    client.close()
  }
}
