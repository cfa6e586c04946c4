import IOBuffers
import Testing

@testable import URingBackend

/// Whose figures a server reports.
@Suite(.timeLimit(.minutes(5)))
struct ServerStatisticsTests {
  @Test(arguments: ServerMode.allCases)
  func aSecondServerOnTheSameLoopsReportsItsOwnFigures(mode: ServerMode) async throws {
    let group = try LoopGroup(count: 2)
    for connections in [5, 2] {
      let running = try await RunningServer.echo(mode, group: group)
      #expect(running.server.statistics.connectionsOpened == 0)
      let port = running.port
      try await blocking { try EchoSwarm.run(port: port, clients: connections, total: 1000) }
      let summary = try await running.stop()
      #expect(summary.totals.connectionsOpened == UInt64(connections))
      #expect(summary.totals.connectionsClosed == UInt64(connections))
      // Nobody else was there at the time.
      #expect(summary.totals.bytesReceived == UInt64(connections * 1000))
      #expect(summary.totals.bytesSent == UInt64(connections * 1000))
      #expect(summary.sharesLoops && summary.description.contains("on shared loops: messages"))
    }
    await group.shutdown()
  }

  /// Connections are told apart; what they move is counted by the loop, and the summary says so.
  @Test(arguments: ServerMode.allCases)
  func twoServersAtATimeCountTheirOwnConnections(mode: ServerMode) async throws {
    let group = try LoopGroup(count: 2)
    let first = try await RunningServer.echo(.tasks, group: group)
    let second = try await RunningServer.echo(mode, group: group)
    let ports = (first.port, second.port)
    let clients = try await blocking {
      let clients = try (0..<7).map { try BlockingClient(port: $0 < 3 ? ports.0 : ports.1) }
      for client in clients { #expect(try client.echo([1]) == [1]) }
      return clients
    }
    #expect(first.server.statistics.connectionsOpen == 3 && first.server.statistics.connectionsOpened == 3)
    #expect(second.server.statistics.connectionsOpen == 4 && second.server.statistics.connectionsOpened == 4)
    try await blocking { for client in clients { try client.closeOutput() } }
    try await eventually { first.server.statistics.connectionsClosed == 3 }
    try await eventually { second.server.statistics.connectionsClosed == 4 }
    #expect(try await first.stop().totals.connectionsOpened == 3)
    let summary = try await second.stop()
    #expect(summary.totals.connectionsOpened == 4)
    #expect(summary.totals.bytesReceived == 7)
    await group.shutdown()
  }

  /// A proxy opens connections on its server's loops: the loops count those, the server does not.
  @Test func connectionsThatTheServersCodeOpensAreNotTheServers() async throws {
    let behind = try await RunningServer.echo(.handlers)
    let target = behind.address
    let proxy = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        let other = try await TCPConnection.connect(to: target, on: connection.loop)
        while let view = try await connection.receive() {
          try await other.send(view)
          if let back = try await other.receive() { try await connection.send(back) }
        }
        await other.close()
      }
    }
    let port = proxy.port
    try await blocking {
      for _ in 0..<3 {
        let client = try BlockingClient(port: port)
        #expect(try client.echo([1]) == [1])
      }
    }
    let summary = try await proxy.stop()
    #expect(summary.totals.connectionsOpened == 3 && summary.totals.connectionsClosed == 3)
    #expect(summary.totals.bytesReceived == 6 && !summary.sharesLoops)
    #expect(!summary.description.contains("shared"))
    try await behind.stop()
  }

  @Test func aHandlerThatCannotBeMadeIsAConnectionNevertheless() async throws {
    struct Refusal: Error {}
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { () throws -> EchoHandler in throw Refusal() }
    }
    let port = running.port
    #expect(try await blocking { try BlockingClient(port: port).isEnded() })
    let summary = try await running.stop()
    #expect(summary.totals.connectionsOpened == 1 && summary.totals.connectionsClosed == 1)
  }

  /// Every figure, also those that are added some day: they are counters unless they are named here.
  @Test func whatWasBeforeIsTakenFromCountersAndNotFromGauges() {
    let gauges: Set = [
      "slotsPosted", "slotsLocked", "slotsFree", "bytesHeld", "poolBytes", "poolLimit", "bufferBytes", "datagramBytes",
    ]
    var sevens = LoopStatistics()
    unsafe withUnsafeMutableBytes(of: &sevens) { unsafe $0.bindMemory(to: UInt64.self).update(repeating: 7) }
    for figure in Mirror(reflecting: sevens.since(sevens)).children {
      let wanted: UInt64 = gauges.contains(figure.label ?? "") ? 7 : 0
      #expect(figure.value as? UInt64 == wanted, "\(figure.label ?? "?")")
    }
    #expect(sevens.since(LoopStatistics()) == sevens)
  }

  /// A connection may be counted as open before it is counted as opened.
  @Test func whatIsClosedNeverFalls() {
    let connections = ServedConnections(limit: 10)
    #expect(connections.budget.take())
    #expect(connections.figures == (0, 0))
    connections.countOpened()
    #expect(connections.figures == (1, 0))
    connections.budget.giveBack()
    #expect(connections.figures == (1, 1))
    #expect(connections.budget.take())
    #expect(connections.figures == (1, 1))
    connections.countOpened()
    #expect(connections.figures == (2, 1))
  }
}
