import Testing
import URingBackend
import URingTesting

/// Servers that are written as handlers.
struct HandlerTests {
  @Test func aLineMayArriveByteByByte() throws {
    let network = try TestNetwork()
    let client = try network.connect(to: network.serve { LineHandler() })
    for byte in "hello\n".utf8 {
      #expect(client.bytesAvailable == 0)
      try client.send([byte])
      try network.advance(by: .milliseconds(1))
    }
    #expect(client.bytesAvailable == 3)
    #expect(try client.receiveLine() == "5")
    try client.send("\nquit\n")
    #expect(try client.receiveLine() == "0")
    #expect(try client.receiveToEnd().isEmpty && client.hasEnded)
    let report = try network.end()
    #expect(report.isClean && report.statistics.messages == 7, "\(report)")
  }

  @Test func linesAreAnsweredOverManySeeds() throws {
    try forEachSeed(0..<100) { network in
      let server = try network.serve { LineHandler() }
      let clients = try (0..<3).map { _ in try network.connect(to: server) }
      for _ in 0..<3 {
        let lengths = clients.map { _ in network.randomNumber(in: 0...900) }
        for (client, length) in zip(clients, lengths) { try client.send(String(repeating: "x", count: length) + "\n") }
        for (client, length) in zip(clients, lengths) { try #require(try client.receiveLine() == "\(length)") }
      }
    }
  }

  @Test func whatAHandlerThrowsIsReported() throws {
    let network = try TestNetwork()
    let server = try network.serve { LineHandler() }
    let bad = try network.connect(to: server)
    let good = try network.connect(to: server)
    try bad.send(String(repeating: "x", count: 2000))
    try network.run(until: { bad.wasReset })
    #expect(network.errors.count == 1 && network.errors.first is LineHandler.TooLong)
    try good.send("ok\n")
    #expect(try good.receiveLine() == "2")
    let report = try network.end()
    #expect(!report.isClean && report.errors.count == 1)
    #expect("\(report)" == "code of the server threw TooLong()")
  }

  @Test func aGracefulStopLetsHandlersFinish() throws {
    let network = try TestNetwork()
    let server = try network.serve { LineHandler() }
    let between = try network.connect(to: server)
    let inside = try network.connect(to: server)
    try inside.send("hal")
    try network.advance(by: .milliseconds(1))
    try network.triggerGracefulShutdown()
    #expect(try between.receiveToEnd().isEmpty)
    try between.close()
    #expect(throws: TestNetworkError.self) { try network.connect(to: server) }
    try inside.send("f\n")
    #expect(try inside.receiveLine() == "4")
    // It has not closed by then, so it is closed at the deadline, ten seconds after the stop.
    #expect(network.connectionsOpen == 1)
    try network.advance(by: .seconds(11))
    #expect(network.connectionsOpen == 0 && (inside.hasEnded || inside.wasReset))
    let report = try network.end()
    #expect(report.connectionsOpen == 1 && !report.isClean)
  }
}
