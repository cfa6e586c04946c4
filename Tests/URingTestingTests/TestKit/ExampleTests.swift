import Testing
import URingBackend
import URingTesting

/// The code under test: what a program gives to `TCPServer.run`.
@Sendable func echo(_ connection: TCPConnection) async throws {
  while let view = try await connection.receive() {
    try await connection.send(view)
  }
}

struct ExampleTests {
  @Test func whatIsSentComesBack() throws {
    let network = try TestNetwork()
    let server = try network.serve(echo)
    let client = try network.connect(to: server)
    try client.send("hello\n")
    #expect(try client.receiveLine() == "hello")
    try client.finish()
    #expect(try client.receiveToEnd().isEmpty)
    let report = try network.end()
    #expect(report.isClean, "\(report)")
  }

  @Test func whoSaysNothingIsLetGo() throws {
    var configuration = TCPServer.Configuration()
    configuration.limits.idleTimeout = .seconds(30)
    let network = try TestNetwork(configuration: configuration)
    let client = try network.connect(to: network.serve(echo))
    try network.advance(by: .seconds(29))
    #expect(!client.hasEnded)
    try network.advance(by: .seconds(2))
    #expect(client.hasEnded)
  }

  @Test func everythingComesBackHoweverItArrives() throws {
    try forEachSeed(0..<200) { network in
      let client = try network.connect(to: network.serve(echo))
      let bytes = (0..<network.randomNumber(in: 1...5000)).map { UInt8(truncatingIfNeeded: $0) }
      try client.send(bytes)
      try client.finish()
      try #require(try client.receiveToEnd() == bytes)
    }
  }
}
