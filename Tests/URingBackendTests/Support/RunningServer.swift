import IOBuffers
import Testing

@testable import URingBackend

/// The two ways to write a server.
enum ServerMode: CaseIterable, Sendable {
  case tasks
  case handlers
}

/// A server that listens, in a task of its own.
struct RunningServer: Sendable {
  typealias Serve = @Sendable (TCPServer, (SocketAddress) -> Void) async throws -> TCPServer.Summary

  let server: TCPServer
  let address: SocketAddress
  let task: Task<TCPServer.Summary, any Error>

  var port: UInt16 { address.port }

  /// Starts a server on a port that the kernel chooses, and returns when it listens.
  static func start(
    _ configuration: TCPServer.Configuration = .init(),
    at address: SocketAddress = .loopback(port: 0),
    group: LoopGroup? = nil,
    _ serve: @escaping Serve
  ) async throws -> RunningServer {
    let server = TCPServer(address: address, configuration: configuration, group: group)
    let (listening, report) = AsyncStream<SocketAddress>.makeStream()
    let task = Task {
      defer { report.finish() }
      return try await serve(server) { report.yield($0) }
    }
    for await address in listening { return RunningServer(server: server, address: address, task: task) }
    _ = try await task.value
    throw ServerEndedEarly()
  }

  /// Starts an echo server.
  static func echo(
    _ mode: ServerMode,
    _ configuration: TCPServer.Configuration = .init(),
    at address: SocketAddress = .loopback(port: 0),
    group: LoopGroup? = nil
  ) async throws -> RunningServer {
    try await start(configuration, at: address, group: group) { server, whenListening in
      switch mode {
      case .tasks:
        try await server.run(whenListening: whenListening) { connection in
          while let view = try await connection.receive() { try await connection.send(view) }
        }
      case .handlers:
        try await server.run(whenListening: whenListening) { EchoHandler() }
      }
    }
  }

  /// Stops gracefully; everything that the server held must be back.
  @discardableResult
  func stop(sourceLocation: SourceLocation = #_sourceLocation) async throws -> TCPServer.Summary {
    server.shutdown()
    return try await ended(sourceLocation: sourceLocation)
  }

  /// The summary of a server that is stopping; everything that it held must be back.
  @discardableResult
  func ended(sourceLocation: SourceLocation = #_sourceLocation) async throws -> TCPServer.Summary {
    let summary = try await task.value
    #expect(summary.viewsOut == 0, "\(summary.reports)", sourceLocation: sourceLocation)
    #expect(summary.slotsLeaked == 0, sourceLocation: sourceLocation)
    #expect(summary.totals.connectionsOpen == 0, sourceLocation: sourceLocation)
    return summary
  }
}

struct ServerEndedEarly: Error {}

/// Sends back what it receives.
struct EchoHandler: ConnectionHandler {
  mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
    connection.send(view)
  }
}
