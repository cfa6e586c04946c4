import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

/// One server on several addresses.
@Suite(.timeLimit(.minutes(3)))
struct SeveralAddressesTests {
  /// Starts an echo server, and returns when it listens.
  private static func start(
    _ mode: ServerMode,
    _ addresses: [SocketAddress],
    loops: Int = 1
  ) async throws -> (running: RunningServer, addresses: [SocketAddress]) {
    var configuration = TCPServer.Configuration()
    configuration.loops = loops
    let server = TCPServer(addresses: addresses, configuration: configuration)
    let (listening, report) = AsyncStream<[SocketAddress]>.makeStream()
    let task = Task {
      defer { report.finish() }
      switch mode {
      case .tasks:
        return try await server.run(whenListeningOnAll: { report.yield($0) }) { connection in
          while let view = try await connection.receive() { try await connection.send(view) }
        }
      case .handlers: return try await server.run(whenListeningOnAll: { report.yield($0) }) { EchoHandler() }
      }
    }
    for await bound in listening {
      return (RunningServer(server: server, address: try #require(bound.first), task: task), bound)
    }
    _ = try await task.value
    throw ServerEndedEarly()
  }

  @Test(arguments: ServerMode.allCases, [1, 2])
  func allOfThemAreServedAlike(mode: ServerMode, loops: Int) async throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/s"
    let host = LoopbackHost.ofItsOwn()
    let wanted = [
      try host.address(), try SocketAddress.unix(path: path), try SocketAddress(host: "::1", port: 0),
      try host.address(),
    ]
    let (running, addresses) = try await Self.start(mode, wanted, loops: loops)
    #expect(addresses.map(\.family) == [.ipv4, .unix, .ipv6, .ipv4] && addresses[1] == wanted[1])
    #expect(Set(addresses).count == 4 && addresses[0].port > 0 && addresses[2].port > 0)
    try await blocking {
      for round in 0..<5 {
        let clients = [
          try BlockingClient(port: addresses[0].port, host: host), try BlockingClient(unix: path),
          try BlockingClient(port: addresses[2].port, ipv6: true),
          try BlockingClient(port: addresses[3].port, host: host),
        ]
        for client in clients { #expect(try client.echo([UInt8(round)]) == [UInt8(round)]) }
        #expect(running.server.statistics.connectionsOpened == UInt64(4 * (round + 1)))
      }
    }
    let summary = try await running.stop()
    #expect(summary.totals.connectionsOpened == 20)
    #expect(directory.entries.isEmpty)
    for address in [addresses[0], addresses[3]] { try await nobodyListens(at: address.port, on: host) }
  }

  @Test(arguments: [1, 2])
  func allOrNone(loops: Int) async throws {
    let directory = try TemporaryDirectory()
    let other = try await RunningServer.echo(.handlers)
    let unix = try SocketAddress.unix(path: "\(directory.path)/s")
    let free = SocketAddress.loopback(port: 0)
    await #expect(throws: SocketError(.system(.addressInUse), .bind, peer: other.address)) {
      _ = try await Self.start(.tasks, [unix, free, other.address], loops: loops)
    }
    #expect(directory.entries.isEmpty)
    await #expect(throws: SocketError(.system(.noSuchFileOrDirectory), .bind, peer: try .unix(path: "/none/s"))) {
      _ = try await Self.start(.tasks, [.loopback(port: 0), unix, try .unix(path: "/none/s")], loops: loops)
    }
    #expect(directory.entries.isEmpty)
    // Nothing of it is left.
    let (running, _) = try await Self.start(.tasks, [unix, .loopback(port: 0)], loops: loops)
    try await running.stop()
    try await other.stop()
  }

  @Test func theSameAddressTwiceIsInUse() async throws {
    let directory = try TemporaryDirectory()
    let unix = try SocketAddress.unix(path: "\(directory.path)/s")
    await #expect(throws: SocketError(.system(.addressInUse), .bind, peer: unix)) {
      _ = try await Self.start(.handlers, [unix, unix])
    }
    #expect(directory.entries.isEmpty)
  }

  @Test func noAddressAtAllIsAnError() async throws {
    let server = TCPServer(addresses: [])
    await #expect(throws: SocketError(.invalidAddress, .listen)) { try await server.run { EchoHandler() } }
  }

  @Test func whoAsksForOneAddressHearsOfTheFirst() async throws {
    let directory = try TemporaryDirectory()
    let server = TCPServer(addresses: [.loopback(port: 0), try .unix(path: "\(directory.path)/s")])
    #expect(server.address == .loopback(port: 0) && server.addresses.count == 2)
    let heard = Locked<[SocketAddress]>([])
    try await server.run(
      whenListening: { address in
        heard.change { $0.append(address) }
        server.shutdown()
      }
    ) { EchoHandler() }
    #expect(heard.value.map(\.family) == [.ipv4])
    #expect(directory.entries.isEmpty)
  }

  /// The end of the loops is the end of all listeners.
  @Test func whenTheGroupEndsTheServerDoes() async throws {
    let directory = try TemporaryDirectory()
    let group = try LoopGroup(count: 2)
    let server = TCPServer(addresses: [.loopback(port: 0), try .unix(path: "\(directory.path)/s")], group: group)
    let task = Task {
      try await server.run(whenListening: { _ in Task { await group.shutdown() } }) { EchoHandler() }
    }
    #expect(try await task.value.totals.connectionsOpen == 0)
    #expect(directory.entries.isEmpty)
    await group.shutdown()
  }
}
