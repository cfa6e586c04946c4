import IOBuffers
import Synchronization
import SystemPackage
import Testing
import URingBackend
import URingTesting

/// Servers that connect to others.
struct OutgoingTests {
  /// Sends each message on to another server, and the answer back.
  @Sendable private static func proxy(_ connection: TCPConnection, to upstream: SocketAddress) async throws {
    let other = try await TCPConnection.connect(to: upstream, on: connection.loop)
    while let request = try await connection.receive() {
      try await other.send(request)
      guard let answer = try await other.receive() else { break }
      try await connection.send(answer)
    }
    await other.close()
  }

  @Test func aProxyConnectsToAServerOfTheTest() throws {
    let network = try TestNetwork()
    let listener = try network.listen()
    let server = try network.serve { [address = listener.address] in try await Self.proxy($0, to: address) }
    let client = try network.connect(to: server)
    try client.send("question\n")
    let upstream = try listener.accept()
    #expect(try upstream.receiveLine() == "question")
    #expect(network.connectionsOpen == 2)
    try upstream.send("answer\n")
    #expect(try client.receiveLine() == "answer")
    try client.finish()
    #expect(try upstream.receiveToEnd().isEmpty)
    try upstream.close()
    #expect(try client.receiveToEnd().isEmpty)
    let report = try network.end()
    #expect(report.isClean, "\(report)")
  }

  @Test func aProxyWhoseServerIsGoneSaysSo() throws {
    let network = try TestNetwork()
    let listener = try network.listen(at: 80)
    try listener.close()
    let server = try network.serve { try await Self.proxy($0, to: .loopback(port: 80)) }
    let client = try network.connect(to: server)
    let error = #expect(throws: TestNetworkError.self) { try client.receive() }
    #expect(error?.kind == .wasReset)
    #expect((network.errors.first as? SocketError)?.errno == .connectionRefused)
  }

  @Test func serversOfOneNetworkReachEachOther() throws {
    try forEachSeed(0..<50) { network in
      let upstream = try network.serve(at: 80, echo)
      let client = try network.connect(to: network.serve { try await Self.proxy($0, to: upstream) })
      for number in 0..<3 {
        // Short enough not to be cut by the smallest buffers for long.
        try client.send([UInt8(number)])
        try #require(try client.receive(exactly: 1) == [UInt8(number)])
      }
    }
  }

  @Test func tasksOfTheTestRunOnTheLoop() throws {
    let network = try TestNetwork()
    let server = try network.serve(echo)
    let answer = Mutex<String?>(nil)
    let task = Task(executorPreference: network.loop) { [loop = network.loop] in
      let connection = try await TCPConnection.connect(to: server, on: loop)
      var request = try connection.arena.allocate(minimumCapacity: 8)
      try request.append(contentsOf: "hi".utf8)
      try await connection.send(request)
      let text = try await connection.receive()?.text()
      answer.withLock { $0 = text }
      await connection.close()
    }
    try network.run(until: { answer.withLock { $0 } != nil })
    #expect(answer.withLock { $0 } == "hi")
    withExtendedLifetime(task) {}
    let report = try network.end()
    #expect(report.isClean, "\(report)")
  }
}
