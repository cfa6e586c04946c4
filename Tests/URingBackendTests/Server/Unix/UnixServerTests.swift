import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Servers on Unix sockets, with clients of plain calls.
@Suite(.timeLimit(.minutes(3)))
struct UnixServerTests {
  /// A name that no other test has.
  static func abstractName() -> String { "sluice-\(getpid())-\(UInt64.random(in: 0 ... .max))" }

  @Test(arguments: ServerMode.allCases, [true, false])
  func bytesComeBack(mode: ServerMode, isAbstract: Bool) async throws {
    let directory = try TemporaryDirectory()
    let name = isAbstract ? "@" + Self.abstractName() : "\(directory.path)/s"
    let address: SocketAddress =
      isAbstract ? try .unix(abstract: String(name.dropFirst())) : try .unix(path: name)
    let running = try await RunningServer.echo(mode, at: address)
    #expect(running.address == address)
    let pattern = Pattern(seed: 3).bytes(count: 3 << 20)
    let client = try BlockingClient(unix: name)
    // More than both sockets hold: while the client sends, it receives.
    async let sent: Void = blocking {
      try client.send(pattern)
      try client.closeOutput()
    }
    #expect(try await blocking { try client.receiveToEnd() } == pattern)
    try await sent
    let summary = try await running.stop()
    #expect(summary.totals.connectionsOpened == 1)
    #expect(directory.entries.isEmpty)
  }

  @Test(arguments: ServerMode.allCases)
  func severalLoopsShareOneSocketAndItsConnections(mode: ServerMode) async throws {
    let directory = try TemporaryDirectory()
    let name = "\(directory.path)/s"
    let group = try LoopGroup(count: 3)
    let running = try await RunningServer.echo(mode, at: try .unix(path: name), group: group)
    let count = 300
    try await blocking {
      let clients = try (0..<count).map { _ in try BlockingClient(unix: name) }
      for (number, client) in clients.enumerated() { try client.send([UInt8(truncatingIfNeeded: number)]) }
      for (number, client) in clients.enumerated() {
        #expect(try client.receive(exactly: 1) == [UInt8(truncatingIfNeeded: number)])
      }
      // No loop is left without.
      let perLoop = group.loops.map { $0.statistics.connectionsOpened }
      #expect(perLoop.reduce(0, +) == UInt64(count))
      #expect(perLoop.allSatisfy { $0 > 0 }, "\(perLoop)")
    }
    let summary = try await running.stop()
    #expect(summary.totals.connectionsOpened == UInt64(count))
    await group.shutdown()
    #expect(directory.entries.isEmpty)
  }

  @Test(arguments: ServerMode.allCases)
  func aHalfClosedConnectionStillGetsItsReply(mode: ServerMode) async throws {
    let directory = try TemporaryDirectory()
    let name = "\(directory.path)/s"
    let running = try await RunningServer.echo(mode, at: try .unix(path: name))
    let pattern = Pattern(seed: 4).bytes(count: 100_000)
    try await blocking {
      let client = try BlockingClient(unix: name)
      try client.send(pattern)
      try client.closeOutput()
      #expect(try client.receiveToEnd() == pattern)
    }
    try await running.stop()
  }

  @Test(arguments: ServerMode.allCases)
  func theLimitOfConnectionsHolds(mode: ServerMode) async throws {
    let directory = try TemporaryDirectory()
    let name = "\(directory.path)/s"
    var configuration = TCPServer.Configuration()
    configuration.maximumConnections = 3
    configuration.loops = 2
    let running = try await RunningServer.echo(mode, configuration, at: try .unix(path: name))
    try await blocking {
      var clients = try (0..<8).map { _ in try BlockingClient(unix: name) }
      for client in clients { try client.send([7]) }
      while !clients.isEmpty {
        // Served in the order in which they came, by two loops: nearly.
        let ready = clients.firstIndex { (try? $0.waitForBytes()) == true }
        guard let ready else { continue }
        let client = clients.remove(at: ready)
        #expect(try client.receive(exactly: 1) == [7])
        #expect(running.server.statistics.connectionsOpen <= 3)
        client.close()
      }
    }
    let summary = try await running.stop()
    #expect(summary.totals.connectionsOpened == 8)
  }

  // MARK: Who is there

  /// Sends who its peer is.
  private struct Identifier: ConnectionHandler {
    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      let text = UnixServerTests.describe(connection.peerCredentials, connection.localAddress, connection.peer)
      connection.send(try connection.arena.message(Array(text.utf8)))
      connection.closeOutput()
    }
  }

  private static func describe(_ peer: PeerCredentials?, _ own: SocketAddress?, _ other: SocketAddress?) -> String {
    guard let peer else { return "nobody" }
    return "\(peer.processID) \(peer.userID) \(peer.groupID) \(own.map(\.description) ?? "?") "
      + (other.map(\.description) ?? "?")
  }

  private static func identify(_ mode: ServerMode, at address: SocketAddress) async throws -> RunningServer {
    try await RunningServer.start(at: address) { server, whenListening in
      switch mode {
      case .handlers: try await server.run(whenListening: whenListening) { Identifier() }
      case .tasks:
        try await server.run(whenListening: whenListening) { connection in
          guard try await connection.receive() != nil else { return }
          let text = describe(await connection.peerCredentials, await connection.localAddress, connection.peer)
          try await connection.send(try connection.arena.message(Array(text.utf8)))
        }
      }
    }
  }

  @Test(arguments: ServerMode.allCases)
  func aServerKnowsWhoConnected(mode: ServerMode) async throws {
    let directory = try TemporaryDirectory()
    let name = "\(directory.path)/s"
    let running = try await Self.identify(mode, at: try .unix(path: name))
    try await blocking {
      let client = try BlockingClient(unix: name)
      try client.send([1])
      let said = String(decoding: try client.receiveToEnd(), as: UTF8.self)
      #expect(said == "\(getpid()) \(geteuid()) \(getegid()) unix:\(name) unix:")
    }
    try await running.stop()
  }

  @Test(arguments: ServerMode.allCases)
  func onTCPNobodyKnows(mode: ServerMode) async throws {
    let running = try await Self.identify(mode, at: .loopback(port: 0))
    try await blocking {
      let client = try BlockingClient(port: running.port)
      try client.send([1])
      #expect(String(decoding: try client.receiveToEnd(), as: UTF8.self) == "nobody")
    }
    try await running.stop()
  }

  @Test func aClientKnowsWhoListens() async throws {
    let directory = try TemporaryDirectory()
    let address = try SocketAddress.unix(path: "\(directory.path)/s")
    let running = try await RunningServer.echo(.tasks, at: address)
    let loop = try EventLoop.start()
    let connection = try await TCPConnection.connect(to: address, on: loop)
    #expect(connection.peer == address)
    #expect(
      await connection.peerCredentials == PeerCredentials(processID: getpid(), userID: geteuid(), groupID: getegid())
    )
    try await connection.send(try connection.arena.message([9]))
    #expect(try await connection.receive(exactly: 1) == [9])
    await connection.close()
    #expect(await connection.peerCredentials == nil)
    await loop.shutdown()
    try await running.stop()
  }
}

extension BlockingClient {
  /// Whether there are bytes, or an end, to be received within a moment.
  fileprivate func waitForBytes() throws -> Bool {
    var one = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&one, 1, 2) == 1
  }
}
