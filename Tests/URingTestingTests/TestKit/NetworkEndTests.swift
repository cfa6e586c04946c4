import IOBuffers
import Synchronization
import Testing
import URingBackend
import URingTesting

/// What is left when a network ends.
struct NetworkEndTests {
  private struct Broken: Error {}

  /// Keeps a view beyond the life of its connection.
  private final class Keeper: Sendable {
    private final class Kept: Sendable {
      let view: ReadView
      init(_ view: consuming ReadView) { self.view = view }
    }
    private let kept = Mutex<[Kept]>([])
    func keep(_ view: consuming ReadView) {
      let new = Kept(view)
      kept.withLock { $0.append(new) }
    }
  }

  @Test func clientsThatAreStillThereAreClosed() throws {
    let network = try TestNetwork()
    let server = try network.serve(echo)
    for _ in 0..<10 { _ = try network.connect(to: server) }
    try network.advance(by: .milliseconds(1))
    #expect(network.connectionsOpen == 10)
    let report = try network.end()
    #expect(report.isClean && "\(report)" == "nothing is left" && report.statistics.connectionsOpened == 10)
  }

  @Test func whatABodyThrowsIsReported() throws {
    let told = Mutex(0)
    var configuration = TCPServer.Configuration()
    let count: TCPServer.ErrorReport = { _, peer in if peer != nil { told.withLock { $0 += 1 } } }
    configuration.onError = count
    let network = try TestNetwork(configuration: configuration)
    let server = try network.serve { connection in
      _ = try await connection.receive()
      throw Broken()
    }
    let client = try network.connect(to: server)
    try client.send("x")
    try network.run(until: { client.wasReset })
    #expect(network.errors.count == 1 && network.errors.first is Broken && told.withLock { $0 } == 1)
    let report = try network.end()
    #expect(!report.isClean && report.errors.count == 1 && report.viewsOut == 0)
  }

  @Test func aViewThatIsKeptIsReported() throws {
    var configuration = TCPServer.Configuration()
    configuration.loop.diagnostics = .everyView
    let network = try TestNetwork(configuration: configuration)
    let keeper = Keeper()
    let server = try network.serve { connection in
      while let view = try await connection.receive() {
        keeper.keep(try view.share())
        try await connection.send(view)
      }
    }
    let client = try network.connect(to: server)
    try client.send("abc")
    #expect(try client.receive(exactly: 3) == Array("abc".utf8))
    let report = try network.end()
    #expect(!report.isClean && report.viewsOut == 1 && report.slotsLeaked == 1 && report.connectionsOpen == 0)
    #expect(report.holders.count == 1 && "\(report)".contains("NetworkEndTests.swift"), "\(report)")
  }

  @Test func aGracefulStopEndsBodiesThatListenToIt() throws {
    let network = try TestNetwork()
    let server = try network.serve { connection in
      while let view = try await connection.receiveUnlessStopping() { try await connection.send(view) }
    }
    let client = try network.connect(to: server)
    try client.send("before\n")
    #expect(try client.receiveLine() == "before")
    try network.triggerGracefulShutdown()
    #expect(try client.receiveToEnd().isEmpty)
    #expect(network.now < .seconds(1))
    let refused = #expect(throws: TestNetworkError.self) { try network.connect(to: server) }
    #expect(refused?.kind == .notConnected)
    let report = try network.end()
    #expect(report.isClean, "\(report)")
  }

  @Test func whoDoesNotEndIsAbortedAtTheDeadline() throws {
    var configuration = TCPServer.Configuration()
    configuration.drainTimeout = .seconds(3)
    let network = try TestNetwork(configuration: configuration)
    let client = try network.connect(to: network.serve(echo))
    try client.send("abc")
    #expect(try client.receive(exactly: 3).count == 3)
    try network.triggerGracefulShutdown()
    try network.advance(by: .milliseconds(2900))
    #expect(network.connectionsOpen == 1)
    try network.advance(by: .milliseconds(200))
    #expect(network.connectionsOpen == 0)
    let report = try network.end()
    #expect(report.connectionsOpen == 1 && report.bodiesRunning == 0 && report.errors.isEmpty, "\(report)")
  }

  @Test func aNetworkThatIsDroppedLeavesNothing() throws {
    let finished = Mutex<(any Error)?>(nil)
    weak var loop: EventLoop?
    do {
      let network = try TestNetwork()
      loop = network.loop
      let server = try network.serve { connection in
        do {
          try await echo(connection)
        } catch {
          finished.withLock { $0 = error }
          throw error
        }
      }
      let client = try network.connect(to: server)
      try client.send("abc")
      #expect(try client.receive(exactly: 3).count == 3)
      #expect(loop != nil)
    }
    #expect(loop == nil)
    #expect((finished.withLock { $0 } as? SocketError)?.kind == .shuttingDown)
  }

  @Test func aNetworkThatHasEndedIsGone() throws {
    weak var loop: EventLoop?
    for faults in [.none, .all] as [TestNetwork.Faults] {
      do {
        let network = try TestNetwork(seed: 3, faults: faults)
        loop = network.loop
        let client = try? network.connect(to: network.serve { LineHandler() })
        try? client?.send("abc")
        try network.end()
      }
      #expect(loop == nil)
    }
  }

  @Test func afterTheEndNothingCanBeDone() throws {
    let network = try TestNetwork()
    let client = try network.connect(to: network.serve(echo))
    try network.end()
    for misuse in [
      { try network.end() }, { try network.advance(by: .seconds(1)) }, { try network.run(until: { true }) },
      { try network.serve(echo) }, { try client.send("x") }, { _ = try client.receive() },
    ] as [() throws -> Void] {
      let error = #expect(throws: TestNetworkError.self) { try misuse() }
      #expect(error?.kind == .networkEnded)
    }
    #expect(network.connectionsOpen == 0 && network.errors.isEmpty && !client.wasReset)
  }
}
