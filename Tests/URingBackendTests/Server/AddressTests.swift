import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Which addresses a server serves, and which ones its connections show.
@Suite(.timeLimit(.minutes(5)))
struct AddressTests {
  private static func everyAddress() throws -> SocketAddress { try SocketAddress(host: "::", port: 0) }

  /// Says where it stands, and who speaks.
  private struct Narrator: ConnectionHandler {
    func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      let text = "\(describe(connection.localAddress)) \(describe(connection.peer))"
      connection.send(try connection.arena.message(Array(text.utf8)))
      connection.closeOutput()
    }
  }

  private static func narrate(_ mode: ServerMode, at address: SocketAddress, _ options: SocketOptions = .init())
    async throws -> RunningServer
  {
    var configuration = TCPServer.Configuration()
    configuration.options = options
    return try await RunningServer.start(configuration, at: address) { server, whenListening in
      switch mode {
      case .handlers:
        return try await server.run(whenListening: whenListening) { Narrator() }
      case .tasks:
        return try await server.run(whenListening: whenListening) { connection in
          guard try await connection.receive() != nil else { return }
          let text = "\(describe(await connection.localAddress)) \(describe(connection.peer))"
          try await connection.send(try connection.arena.message(Array(text.utf8)))
        }
      }
    }
  }

  /// What the server says, and what the client knows.
  private func ask(_ port: UInt16, ipv6: Bool) async throws -> (said: String, known: String) {
    try await blocking {
      let client = try BlockingClient(port: port, ipv6: ipv6)
      try client.send([1])
      let said = String(decoding: try client.receiveToEnd(), as: UTF8.self)
      let own = Socket.localAddress(of: client.descriptor)
      return (said, "\(describe(Socket.peerAddress(of: client.descriptor))) \(describe(own))")
    }
  }

  @Test(arguments: ServerMode.allCases)
  func aConnectionKnowsItsOwnAddressAndItsPeers(mode: ServerMode) async throws {
    let running = try await Self.narrate(mode, at: .any(port: 0))
    let answer = try await ask(running.port, ipv6: false)
    #expect(answer.said == answer.known && answer.said.hasPrefix("127.0.0.1:\(running.port) 127.0.0.1:"))
    try await running.stop()
  }

  /// IPv4 peers are IPv4 addresses, not ::ffff:127.0.0.1.
  @Test(arguments: ServerMode.allCases)
  func aListenerOnEveryIPv6AddressServesIPv4Too(mode: ServerMode) async throws {
    let running = try await Self.narrate(mode, at: Self.everyAddress())
    #expect(running.address.host == "::")
    let four = try await ask(running.port, ipv6: false)
    #expect(four.said == four.known && four.said.hasPrefix("127.0.0.1:\(running.port) 127.0.0.1:"))
    let six = try await ask(running.port, ipv6: true)
    #expect(six.said == six.known && six.said.hasPrefix("[::1]:\(running.port) [::1]:"))
    try await running.stop()
  }

  @Test func severalLoopsServeBothFamilies() async throws {
    var configuration = TCPServer.Configuration()
    configuration.loops = 2
    let running = try await RunningServer.echo(.handlers, configuration, at: Self.everyAddress())
    let port = running.port
    try await blocking {
      for round in 0..<8 {
        let client = try BlockingClient(port: port, ipv6: round % 2 == 0)
        #expect(try client.echo([1]) == [1])
      }
    }
    try await running.stop()
  }

  @Test func aListenerThatIsForIPv6OnlyLeavesIPv4Alone() async throws {
    var options = SocketOptions()
    options.ipv6Only = true
    // None that the kernel hands out: other tests listen on those, over IPv4 too.
    let address = try Self.everyAddress().with(port: UInt16.random(in: 20_000..<32_000))
    let running = try await Self.narrate(.handlers, at: address, options)
    let port = running.port
    #expect(throws: Errno.connectionRefused) { _ = try BlockingClient(port: port) }
    let six = try await ask(port, ipv6: true)
    #expect(six.said == six.known)
    // The port is free for IPv4.
    let other = try await Self.narrate(.tasks, at: .any(port: port))
    let four = try await ask(port, ipv6: false)
    #expect(four.said == four.known)
    try await other.stop()
    try await running.stop()
  }

  @Test func whereEachFamilyIsServedThePortMustBeFreeInBoth() async throws {
    let four = try await RunningServer.echo(.handlers, at: .any(port: 0))
    let address = try SocketAddress(host: "::", port: four.port)
    await #expect(throws: SocketError(.system(.addressInUse), .bind, peer: address)) {
      let server = TCPServer(address: address)
      try await server.run(whenListening: { _ in server.shutdown() }) { EchoHandler() }
    }
    try await four.stop()
  }

  @Test func aClientsConnectionKnowsItsOwnAddress() async throws {
    let running = try await RunningServer.echo(.tasks)
    let loop = try EventLoop.start()
    let connection = try await TCPConnection.connect(to: running.address, on: loop)
    let own = try #require(await connection.localAddress)
    #expect(own.host == "127.0.0.1" && own.port != running.port && own.port > 0)
    #expect(await Task(executorPreference: loop) { await connection.localAddress }.value == own)
    await connection.close()
    #expect(await connection.localAddress == nil)
    await loop.shutdown()
    #expect(await connection.localAddress == nil)
    try await running.stop()
  }

  /// The descriptor's number may be another socket's once the kernel was told to close it.
  @Test func aConnectionThatIsBeingClosedShowsNoAddress() throws {
    let scripted = try ScriptedEngine()
    let index = try scripted.open()
    try scripted.turn()
    let id = scripted.engine.records[index].id
    let listener = try PlainListener()
    scripted.engine.records[index].descriptor = listener.descriptor
    #expect(scripted.engine.localAddress(of: id) == .loopback(port: listener.port))
    scripted.engine.abort(index, .closed)
    for _ in 0..<3 {
      for submission in try scripted.turn() where submission.userData == scripted.operation(.cancelReceive, of: index) {
        scripted.driver.complete(submission.address, result: -Errno.canceled.rawValue)
        scripted.driver.complete(submission.userData, result: 0)
      }
    }
    #expect(scripted.engine.records[index].isOpen)
    #expect(scripted.engine.localAddress(of: id) == nil)
    scripted.complete(.close, of: index, 0)
    try scripted.turn()
    #expect(scripted.engine.localAddress(of: id) == nil)
    try scripted.finish()
  }

  @Test(arguments: ["reno\0x", "a name that is too long for the kernel", "no such"])
  func aCongestionControlThatIsNoneIsRefused(name: String) async throws {
    var options = SocketOptions()
    options.congestionControl = name
    let error = #expect(throws: SocketError.self) {
      Socket.close(try Socket.listen(on: .loopback(port: 0), backlog: 1, options: options, sharesPort: false))
    }
    #expect(error == SocketError(.system(.noSuchFileOrDirectory), .option, peer: .loopback(port: 0)))
    #expect(error?.description.contains("no such congestion control") == true)
  }
}

private func describe(_ address: SocketAddress?) -> String { address.map(\.description) ?? "nowhere" }
