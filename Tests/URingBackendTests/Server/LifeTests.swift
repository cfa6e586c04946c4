import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

/// The one life of a server: when it may begin, and everything that ends it.
@Suite(.timeLimit(.minutes(5)))
struct LifeTests {
  private static func serve(_ server: TCPServer, _ mode: ServerMode) async throws -> TCPServer.Summary {
    switch mode {
    case .tasks:
      try await server.run { connection in
        while let view = try await connection.receive() { try await connection.send(view) }
      }
    case .handlers: try await server.run { EchoHandler() }
    }
  }

  // MARK: Beginnings

  @Test(arguments: ServerMode.allCases)
  func aSecondRunBesideTheFirstIsRefused(mode: ServerMode) async throws {
    let running = try await RunningServer.echo(mode)
    for mode in ServerMode.allCases {
      await #expect(throws: TCPServer.RunError.alreadyRunning) { try await Self.serve(running.server, mode) }
    }
    // The first one is as well as before.
    let port = running.port
    try await blocking { try EchoSwarm.run(port: port, clients: 2, total: 10_000) }
    try await running.stop()
  }

  @Test func ofManyRunsAtATimeOneServes() async throws {
    let server = TCPServer(address: .loopback(port: 0))
    let refused = Locked(0)
    let served = Locked(0)
    try await withThrowingTaskGroup { group in
      for _ in 0..<10 {
        group.addTask {
          do {
            try await server.run { EchoHandler() }
            served.change { $0 += 1 }
          } catch TCPServer.RunError.alreadyRunning {
            refused.change { $0 += 1 }
          }
        }
      }
      try await eventually { refused.value == 9 }
      server.shutdown()
      try await group.waitForAll()
    }
    #expect(served.value == 1)
  }

  @Test(arguments: ServerMode.allCases)
  func aServerThatHasRunDoesNotRunAgain(mode: ServerMode) async throws {
    let running = try await RunningServer.echo(mode)
    try await running.stop()
    let error = await #expect(throws: TCPServer.RunError.alreadyRan) { try await Self.serve(running.server, mode) }
    #expect(error?.description.contains("make another TCPServer") == true)
  }

  /// It never served, so it may try again when the port is free.
  @Test func aServerWhosePortWasTakenMayTryAgain() async throws {
    let first = try await RunningServer.echo(.handlers)
    let address = first.address
    let server = TCPServer(address: address)
    for _ in 0..<2 {
      await #expect(throws: SocketError(.system(.addressInUse), .bind, peer: address)) {
        try await server.run { EchoHandler() }
      }
    }
    try await first.stop()
    let summary = try await onceFree {
      try await server.run(whenListening: { _ in server.shutdown() }) { EchoHandler() }
    }
    #expect(summary.totals.connectionsOpened == 0)
  }

  // MARK: Ends before the beginning

  @Test(arguments: ServerMode.allCases, [false, true])
  func aServerThatWasStoppedBeforeDoesNotListen(mode: ServerMode, aborts: Bool) async throws {
    let server = TCPServer(address: .loopback(port: 0))
    for _ in 0..<2 { if aborts { server.abort() } else { server.shutdown() } }
    let summary = try await server.run(whenListening: { _ in Issue.record("it listens") }) { EchoHandler() }
    #expect(summary.totals == LoopStatistics() && summary.viewsOut == 0)
    await #expect(throws: TCPServer.RunError.alreadyRan) { try await Self.serve(server, mode) }
  }

  @Test func aRunInACancelledTaskReturnsAtOnce() async throws {
    let server = TCPServer(address: .loopback(port: 0))
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      return try await server.run { EchoHandler() }
    }
    task.cancel()
    #expect(try await task.value.totals == LoopStatistics())
  }

  /// Wherever in the start the stop comes.
  @Test func aStopAtTheSameTimeAsTheStartIsNotLost() async throws {
    let rounds = TestRun.amount(30, short: 6, long: 300)
    let group = try LoopGroup(count: 2)
    for round in 0..<rounds {
      let server = TCPServer(address: .loopback(port: 0), group: group)
      let run = Task { try await server.run { EchoHandler() } }
      let stops = (0..<2).map { number in
        Task {
          for _ in 0..<(round * 3) { await Task.yield() }
          if (round + number) % 3 == 0 { server.abort() } else { server.shutdown() }
        }
      }
      for stop in stops { await stop.value }
      #expect(try await run.value.totals.connectionsOpen == 0)
    }
    await group.shutdown()
  }

  @Test func cancellingTheTaskOfARunIsAStop() async throws {
    let running = try await RunningServer.echo(.tasks)
    let port = running.port
    try await blocking { try EchoSwarm.run(port: port, clients: 2, total: 1000) }
    running.task.cancel()
    let summary = try await running.ended()
    #expect(summary.totals.connectionsOpened == 2)
  }

  // MARK: A group that ends

  @Test(arguments: ServerMode.allCases, [1, 2])
  func whenItsGroupIsShutDownTheServerStops(mode: ServerMode, count: Int) async throws {
    let host = LoopbackHost.ofItsOwn()
    let group = try LoopGroup(count: count)
    let running = try await RunningServer.echo(mode, at: host.address(), group: group)
    let port = running.port
    let clients = try await blocking {
      let clients = try (0..<8).map { _ in try BlockingClient(port: port, host: host) }
      for client in clients { #expect(try client.echo([1]) == [1]) }
      return clients
    }
    await group.shutdown()
    let summary = try await running.task.value
    #expect(summary.totals.connectionsOpened == 8 && summary.totals.connectionsClosed == 8)
    #expect(group.loops.allSatisfy { $0.arena.statistics.slotsOut == 0 })
    try await blocking { for client in clients { #expect(client.isEnded()) } }
    try await nobodyListens(at: port, on: host)
  }

  @Test func whenItsGroupIsShutDownWhileItDrainsTheServerEnds() async throws {
    var configuration = TCPServer.Configuration()
    configuration.drainTimeout = .seconds(100_000)
    let group = try LoopGroup(count: 2)
    let running = try await RunningServer.echo(.tasks, configuration, group: group)
    let port = running.port
    let clients = try await blocking { try (0..<4).map { _ in try BlockingClient(port: port) } }
    try await eventually { running.server.statistics.connectionsOpen == 4 }
    running.server.shutdown()
    await group.shutdown()
    let summary = try await running.task.value
    #expect(summary.totals.connectionsClosed == 4)
    try await blocking { for client in clients { #expect(client.isEnded()) } }
  }

  /// The server cannot serve its port any more as it should, and stops. Where the clock of the drain goes with the loop,
  /// nobody is waited for.
  @Test(arguments: [(0, Duration.seconds(100_000)), (1, .milliseconds(50))])
  func whenOneLoopOfItsGroupEndsTheServerStops(ending: Int, drainTimeout: Duration) async throws {
    var configuration = TCPServer.Configuration()
    configuration.drainTimeout = drainTimeout
    let group = try LoopGroup(count: 2)
    let running = try await RunningServer.echo(.handlers, configuration, group: group)
    let port = running.port
    let clients = try await blocking {
      let clients = try (0..<8).map { _ in try BlockingClient(port: port) }
      for client in clients { #expect(try client.echo([1]) == [1]) }
      return clients
    }
    await group.loops[ending].shutdown()
    let summary = try await running.task.value
    #expect(summary.totals.connectionsOpened == 8 && summary.totals.connectionsClosed == 8)
    try await blocking { for client in clients { #expect(client.isEnded()) } }
    await group.shutdown()
  }

  /// One loop listens, and its peers may have been accepted, when it turns out that the other one has ended.
  @Test func aStartThatFailsLeavesNothingBehind() async throws {
    let group = try LoopGroup(count: 2)
    await group.loops[1].shutdown()
    let clients = try EventLoop.start()
    let address = try SocketAddress(host: "127.83.2.1", port: SelfConnectTests.port)
    let server = TCPServer(address: address, group: group)
    let attempts = Task {
      let client = TCPClient(on: clients) { EchoHandler() }
      while !Task.isCancelled { _ = try? await client.connect(to: address) }
      await client.shutdown()
    }
    for _ in 0..<TestRun.amount(100, short: 20, long: 1000) {
      let error = await #expect(throws: SocketError.self) {
        try await onceFree { try await server.run { EchoHandler() } }
      }
      #expect(error?.kind == .shuttingDown && error?.operation == .listen)
      #expect(group.loops[0].statistics.connectionsOpen == 0)
      #expect(await group.loops[0].onLoop { $0.streams?.listeners.isEmpty } == true)
    }
    attempts.cancel()
    await attempts.value
    await clients.shutdown()
    await group.shutdown()
  }

  @Test func aGroupThatHasEndedIsAClearError() async throws {
    let group = try LoopGroup()
    await group.shutdown()
    let error = await #expect(throws: SocketError.self) {
      try await TCPServer(address: .loopback(port: 0), group: group).run { EchoHandler() }
    }
    #expect(error?.kind == .shuttingDown && error?.operation == .listen)
  }
}
