import IOBuffers
import Testing

@testable import URingBackend

/// A datagram server that serves, in a task of its own.
struct RunningDatagramServer: Sendable {
  typealias Serve = @Sendable (DatagramServer, (SocketAddress) -> Void) async throws -> LoopStatistics

  let server: DatagramServer
  let address: SocketAddress
  let group: LoopGroup
  let task: Task<LoopStatistics, any Error>

  var port: UInt16 { address.port }

  static func start(
    _ options: DatagramOptions = .init(),
    at address: SocketAddress = .loopback(port: 0),
    loop: EventLoop.Configuration = .init(),
    loops: Int = 1,
    _ serve: @escaping Serve
  ) async throws -> RunningDatagramServer {
    let group = try LoopGroup(count: loops, configuration: loop)
    var configuration = DatagramServer.Configuration()
    configuration.options = options
    let server = DatagramServer(address: address, configuration: configuration, group: group)
    let (bound, report) = AsyncStream<SocketAddress>.makeStream()
    let task = Task {
      defer { report.finish() }
      return try await serve(server) { report.yield($0) }
    }
    for await address in bound {
      return RunningDatagramServer(server: server, address: address, group: group, task: task)
    }
    _ = try await task.value
    throw ServerEndedEarly()
  }

  /// Starts an echo server.
  static func echo(
    _ mode: ServerMode,
    _ options: DatagramOptions = .init(),
    at address: SocketAddress = .loopback(port: 0),
    loop: EventLoop.Configuration = .init(),
    loops: Int = 1
  ) async throws -> RunningDatagramServer {
    try await start(options, at: address, loop: loop, loops: loops) { server, whenBound in
      switch mode {
      case .tasks:
        try await server.run(whenBound: whenBound) { socket in
          while let datagram = try await socket.receive() {
            if let path = datagram.path { await socket.send(datagram.takePayload(), over: path) }
          }
        }
      case .handlers:
        try await server.run(whenBound: whenBound) { DatagramEchoHandler() }
      }
    }
  }

  /// Stops; everything that the server held must be back.
  @discardableResult
  func stop(sourceLocation: SourceLocation = #_sourceLocation) async throws -> LoopStatistics {
    server.shutdown()
    let statistics = try await task.value
    await group.shutdown()
    for loop in group.loops { await loop.expectNothingHeld(sourceLocation: sourceLocation) }
    return statistics
  }
}

extension EventLoop {
  /// After the loop's end: no slot is out.
  func expectNothingHeld(sourceLocation: SourceLocation = #_sourceLocation) async {
    let report = await memory.close(waitingUntil: .now)
    #expect(report.isComplete && memory.slotsOut == 0, "\(report)", sourceLocation: sourceLocation)
  }
}

/// Sends back what it receives, to where it came from.
struct DatagramEchoHandler: DatagramHandler {
  mutating func received(_ datagram: consuming Datagram, on socket: borrowing DatagramContext) {
    guard let path = datagram.path else { return }
    socket.send(datagram.takePayload(), over: path)
  }
}
