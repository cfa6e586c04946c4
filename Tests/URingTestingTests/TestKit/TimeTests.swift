import IOBuffers
import Synchronization
import Testing
import URingBackend
import URingTesting

/// The simulated clock.
struct TimeTests {
  @Test func sleepersWakeWhenTheirTimeHasCome() throws {
    var configuration = TCPServer.Configuration()
    configuration.limits.idleTimeout = nil
    let network = try TestNetwork(configuration: configuration)
    let server = try network.serve { connection in
      try await connection.loop.sleep(for: .seconds(3600))
      var reply = try connection.arena.allocate(minimumCapacity: 8)
      try reply.append(contentsOf: "later\n".utf8)
      try await connection.send(reply)
    }
    let client = try network.connect(to: server)
    try network.advance(by: .seconds(3599))
    #expect(client.bytesAvailable == 0 && network.now >= .seconds(3599) && network.now < .seconds(3600))
    // A moment longer: the body began when its connection had been accepted.
    try network.advance(by: .milliseconds(1001))
    #expect(client.bytesAvailable == 6 && network.now < .seconds(3601))
    #expect(try client.receiveLine() == "later")
  }

  @Test func deadlinesAreSimulatedToo() throws {
    let network = try TestNetwork()
    let server = try network.serve { connection in
      do {
        _ = try await connection.receive(timeout: .seconds(5))
      } catch let error as SocketError where error.kind == .timedOut {
        await connection.abort()
      }
    }
    let client = try network.connect(to: server)
    try network.run(until: { client.wasReset }, within: .seconds(6))
    #expect(network.now >= .seconds(5) && network.now < .seconds(6))
  }

  @Test func timePassesWhereNothingHappens() throws {
    let network = try TestNetwork()
    try network.advance(by: .seconds(10))
    #expect(network.now >= .seconds(10) && network.now < .seconds(11))
    let error = #expect(throws: TestNetworkError.self) { try network.run(until: { false }) }
    #expect(error?.kind == .nothingHappens)
  }

  @Test func noTimeIsTooLong() throws {
    let network = try TestNetwork()
    let client = try network.connect(to: network.serve(echo))
    for _ in 0..<2 { try network.advance(by: .seconds(Int64.max)) }
    #expect(client.hasEnded)
    let late = try network.connect(to: network.serve(echo))
    try late.send("late\n")
    #expect(try late.receiveLine() == "late")
    try network.advance(by: .seconds(-1))
  }

  @Test func whoWaitsTooLongHearsHowThingsStand() throws {
    let network = try TestNetwork()
    let client = try network.connect(to: network.serve(echo))
    try client.send("abc")
    let error = #expect(throws: TestNetworkError.self) { try client.receive(exactly: 5) }
    #expect(error?.kind == .timedOut(.seconds(60)))
    let text = "\(try #require(error))"
    #expect(text.hasPrefix("cannot receive 5 bytes: not done within 60.0 seconds of simulated time"), "\(text)")
    #expect(text.contains("has sent 3 bytes and received 3, of which nobody took \"abc\""), "\(text)")
    #expect(text.contains("bodies that have not returned: 1"), "\(text)")
    // Nothing is lost.
    #expect(try client.receive() == Array("abc".utf8))
  }

  @Test func aBodyThatWaitsForSomethingElseIsTold() throws {
    var configuration = TCPServer.Configuration()
    configuration.limits.idleTimeout = nil
    let network = try TestNetwork(configuration: configuration)
    let waiting = Mutex<CheckedContinuation<Void, Never>?>(nil)
    let server = try network.serve { connection in
      await withCheckedContinuation { continuation in waiting.withLock { $0 = continuation } }
    }
    let client = try network.connect(to: server)
    let error = #expect(throws: TestNetworkError.self) { try client.receive() }
    #expect(error?.kind == .nothingHappens)
    let report = try network.end()
    #expect(report.bodiesRunning == 1 && !report.isClean, "\(report)")
    waiting.withLock { $0?.resume() }
  }

  @Test func whoNeverRestsIsTold() throws {
    let network = try TestNetwork()
    let goesOn = Atomic(true)
    let server = try network.serve { _ in
      while goesOn.load(ordering: .relaxed) { await Task.yield() }
    }
    let client = try network.connect(to: server)
    let error = #expect(throws: TestNetworkError.self) { try client.receive() }
    #expect(error?.kind == .neverRests)
    goesOn.store(false, ordering: .relaxed)
    let report = try network.end()
    #expect(report.isClean, "\(report)")
  }
}
