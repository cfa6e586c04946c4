import Synchronization
import SystemPackage
import Testing
import URingBackend
import URingTesting

/// What the other end of a connection can do, and sees.
struct PeerTests {
  @Test func aClientThatResetsIsNoErrorOfTheServer() throws {
    let network = try TestNetwork()
    let seen = Mutex<SocketError?>(nil)
    let server = try network.serve { connection in
      do {
        try await echo(connection)
      } catch {
        seen.withLock { $0 = error as? SocketError }
        throw error
      }
    }
    let client = try network.connect(to: server)
    try client.send("abc")
    #expect(try client.receive(exactly: 3) == Array("abc".utf8))
    try client.reset()
    try network.run(until: { network.connectionsOpen == 0 })
    #expect(seen.withLock { $0?.errno } == .connectionReset)
    #expect(network.errors.isEmpty)
    let error = #expect(throws: TestNetworkError.self) { try client.send("more") }
    #expect(error?.kind == .closed)
    try client.close()
    let report = try network.end()
    #expect(report.isClean, "\(report)")
  }

  @Test func aServerThatResetsIsSeen() throws {
    let network = try TestNetwork()
    let server = try network.serve { connection in
      _ = try await connection.receive()
      await connection.abort()
    }
    let client = try network.connect(to: server)
    try client.send("abc")
    let error = #expect(throws: TestNetworkError.self) { try client.receive() }
    #expect(error?.kind == .wasReset && client.wasReset)
    #expect(throws: TestNetworkError.self) { try client.send("more") }
  }

  @Test func aStreamThatEndsTooEarlyIsSeen() throws {
    let network = try TestNetwork()
    let client = try network.connect(to: network.serve(echo))
    try client.send("no line")
    try client.finish()
    let error = #expect(throws: TestNetworkError.self) { try client.receiveLine() }
    #expect(error?.kind == .streamEnded)
    #expect(try client.receive() == Array("no line".utf8))
    #expect(try client.receive().isEmpty && client.hasEnded)
    let late = #expect(throws: TestNetworkError.self) { try client.send("more") }
    #expect(late?.kind == .closed)
  }

  @Test func linesMayEndInBothWays() throws {
    let network = try TestNetwork()
    let client = try network.connect(to: network.serve(echo))
    try client.send("one\r\ntwo\n\nfour\n")
    #expect(try (0..<4).map { _ in try client.receiveLine() } == ["one", "two", "", "four"])
  }

  @Test func aPeerThatDoesNotReadMakesTheServerWait() throws {
    let network = try TestNetwork()
    let client = try network.connect(to: network.serve(echo))
    let sent = Mutex(0)
    let error = #expect(throws: TestNetworkError.self) {
      for _ in 0..<1000 {
        try client.send([UInt8](repeating: 7, count: 64 << 10))
        sent.withLock { $0 += 64 << 10 }
      }
    }
    #expect(error?.kind == .timedOut(.seconds(60)))
    let count = sent.withLock { $0 }
    #expect(count > 256 << 10 && count < 4 << 20)
    // What it holds back comes when somebody reads.
    #expect(try client.receive(exactly: count) == [UInt8](repeating: 7, count: count))
  }

  @Test func nobodyListens() throws {
    let network = try TestNetwork()
    let error = #expect(throws: TestNetworkError.self) { try network.connect(to: .loopback(port: 7)) }
    #expect(error?.kind == .notConnected)
    try network.serve(at: 7, echo)
    let taken = #expect(throws: TestNetworkError.self) { try network.serve(at: 7, echo) }
    #expect(taken?.kind == .portInUse)
  }

  @Test func connectionsBeyondTheLimitWait() throws {
    var configuration = TCPServer.Configuration()
    configuration.maximumConnections = 2
    let network = try TestNetwork(configuration: configuration)
    let server = try network.serve(echo)
    let clients = try (0..<4).map { _ in try network.connect(to: server) }
    for (index, client) in clients.enumerated() { try client.send("\(index)\n") }
    try network.advance(by: .seconds(1))
    #expect(clients.map(\.bytesAvailable) == [2, 2, 0, 0] && network.connectionsOpen == 2)
    try clients[0].close()
    #expect(try clients[2].receiveLine() == "2")
    let report = try network.end()
    #expect(report.isClean, "\(report)")
  }
}
