import Synchronization
import Testing
import URingBackend
import URingTesting

/// Calls from where none may come.
struct MisuseTests {
  /// Gets what the compiler would keep from there to other threads.
  private struct Smuggled: @unchecked Sendable {
    // Why unchecked: the tests are about what happens then.
    let network: TestNetwork
  }

  @Test func anotherThreadIsTold() throws {
    let network = try TestNetwork()
    let server = try network.serve(echo)
    let client = try network.connect(to: server)
    var kinds: [TestNetworkError.Kind?] = []
    try OtherThread.run {
      for misuse in [
        { try network.advance(by: .seconds(1)) }, { try network.run(until: { true }) }, { try network.end() },
        { _ = try network.connect(to: server) }, { try client.send("x") }, { _ = try client.receive() },
        { try client.reset() }, { _ = try network.listen() }, { try network.triggerGracefulShutdown() },
      ] as [() throws -> Void] {
        do {
          try misuse()
          kinds.append(nil)
        } catch {
          kinds.append((error as? TestNetworkError)?.kind)
        }
      }
    }
    #expect(kinds == [TestNetworkError.Kind?](repeating: .wrongThread, count: 9))
    // The test itself goes on.
    try client.send("x")
    #expect(try client.receive() == [UInt8(ascii: "x")])
  }

  @Test func whatCannotThrowTraps() async {
    await #expect(processExitsWith: .failure) {
      let network = try TestNetwork()
      try OtherThread.run { _ = network.connectionsOpen }
    }
    await #expect(processExitsWith: .success) {
      let network = try TestNetwork()
      _ = network.connectionsOpen
      try network.end()
      try OtherThread.run { _ = network.connectionsOpen }
    }
  }

  @Test func codeOfTheServerIsTold() throws {
    let network = try TestNetwork()
    let smuggled = Smuggled(network: network)
    let caught = Mutex<TestNetworkError?>(nil)
    let server = try network.serve { _ in
      do {
        try smuggled.network.advance(by: .seconds(1))
      } catch {
        caught.withLock { $0 = error as? TestNetworkError }
      }
    }
    let client = try network.connect(to: server)
    #expect(try client.receiveToEnd().isEmpty)
    #expect(caught.withLock { $0?.kind } == .insideOfTurn)
  }

  @Test func aNetworkMayBeDroppedOnAnotherThread() throws {
    let box = Mutex<Smuggled?>(nil)
    weak var loop: EventLoop?
    do {
      let network = try TestNetwork()
      loop = network.loop
      _ = try network.connect(to: network.serve(echo))
      try network.advance(by: .milliseconds(1))
      let smuggled = Smuggled(network: network)
      box.withLock { $0 = smuggled }
    }
    #expect(loop != nil)
    try OtherThread.run { box.withLock { $0 = nil } }
    #expect(loop == nil)
  }

  @Test func twoNetworksOfOneThreadDoNotMeet() throws {
    let first = try TestNetwork()
    let second = try TestNetwork()
    let address = try first.serve(echo)
    #expect(throws: TestNetworkError.self) { try second.connect(to: address) }
    try second.serve(at: address.port, echo)
    let clients = [try first.connect(to: address), try second.connect(to: address)]
    for client in clients { try client.send("x\n") }
    for client in clients.reversed() { #expect(try client.receiveLine() == "x") }
    #expect(try first.end().isClean)
    try clients[1].send("y\n")
    #expect(try clients[1].receiveLine() == "y")
    #expect(try second.end().isClean)
  }
}
