import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The graceful stop: no new connections, time for the old ones, then the end.
@Suite(.timeLimit(.minutes(5)))
struct ShutdownTests {
  @Test(arguments: ServerMode.allCases)
  func underLoadConnectionsFinishBeforeTheDeadline(mode: ServerMode) async throws {
    var configuration = TCPServer.Configuration()
    configuration.drainTimeout = .seconds(60)
    let running = try await RunningServer.echo(mode, configuration)
    let port = running.port
    let count = 40
    let total = 200_000
    let clients = try (0..<count).map { _ in try BlockingClient(port: port) }
    let load = Task {
      try await blocking {
        try EchoSwarm.run(clients.enumerated().map { EchoExchange($1, total: total, seed: $0) })
      }
    }
    try await eventually { running.server.statistics.connectionsOpened == UInt64(count) }
    running.server.shutdown()
    try await load.value
    let summary = try await running.ended()
    #expect(summary.totals.connectionsOpened == UInt64(count))
    #expect(summary.totals.bytesReceived == UInt64(count * total))
    #expect(summary.totals.bytesSent == UInt64(count * total))
  }

  @Test(arguments: ServerMode.allCases)
  func atTheDeadlineConnectionsThatDoNotFinishAreClosed(mode: ServerMode) async throws {
    var configuration = TCPServer.Configuration()
    configuration.drainTimeout = .milliseconds(100)
    let running = try await RunningServer.echo(mode, configuration)
    let port = running.port
    let clients = try await blocking {
      let clients = try (0..<20).map { _ in try BlockingClient(port: port) }
      // Half of them are idle, half are in the middle of a stream that nobody reads.
      for client in clients[..<10] { #expect(try client.echo([9]) == [9]) }
      for client in clients[10...] { try client.send(Pattern().bytes(count: 50_000)) }
      return clients
    }
    try await eventually { running.server.statistics.connectionsOpened == 20 }
    running.server.shutdown()
    let summary = try await running.ended()
    #expect(summary.totals.connectionsOpened == 20 && summary.totals.connectionsClosed == 20)
    try await blocking { for client in clients[..<10] { #expect(client.isEnded()) } }
  }

  /// A task that is told to stop by the deadline sees its cancellation, wherever it waits.
  @Test func atTheDeadlineTheTasksOfConnectionsAreCancelled() async throws {
    var configuration = TCPServer.Configuration()
    configuration.drainTimeout = .milliseconds(50)
    let ends = Locked<[String]>([])
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        let first = try await connection.receive()?.copied().first
        do {
          if first == 1 { _ = try await connection.receive()?.count }
          if first == 2 { try await connection.loop.sleep(for: .seconds(1000)) }
          if first == 3 { try await Task.sleep(for: .seconds(1000)) }
          ends.withLock { $0.append("\(first ?? 0) returned") }
        } catch let error as SocketError {
          ends.withLock { $0.append("\(first ?? 0) \(error.kind)") }
        } catch is CancellationError {
          ends.withLock { $0.append("\(first ?? 0) cancelled") }
        }
      }
    }
    let port = running.port
    let clients = try await blocking {
      try (1...3).map { (number: Int) in
        let client = try BlockingClient(port: port)
        try client.send([UInt8(number)])
        return client
      }
    }
    try await eventually { running.server.statistics.bytesReceived == 3 }
    try await running.stop()
    #expect(ends.withLock { $0.sorted() } == ["1 shuttingDown", "2 cancelled", "3 cancelled"])
    #expect(clients.count == 3)
  }

  @Test func aSecondShutdownIsHarmless() async throws {
    let running = try await RunningServer.echo(.tasks)
    running.server.shutdown()
    running.server.shutdown()
    try await running.ended()
    running.server.shutdown()
    #expect(running.server.statistics == LoopStatistics())
  }

  /// The task of the connection outlives its peer, and the server waits for it.
  @Test func aServerWaitsForTheTasksOfItsConnections() async throws {
    let mayEnd = Locked(false)
    let hasEnded = Locked(false)
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        while let view = try await connection.receive() { view.release() }
        await connection.close()
        while !mayEnd.withLock({ $0 }) { try await connection.loop.sleep(for: .milliseconds(1)) }
        hasEnded.withLock { $0 = true }
      }
    }
    let port = running.port
    try await blocking {
      let client = try BlockingClient(port: port)
      try client.closeOutput()
      #expect(try client.receiveToEnd().isEmpty)
    }
    try await eventually { running.server.statistics.connectionsOpen == 0 }
    running.server.shutdown()
    mayEnd.withLock { $0 = true }
    try await running.ended()
    #expect(hasEnded.withLock { $0 })
  }

  /// Views that the user keeps beyond the server's end are reported, and stay readable.
  @Test func aViewThatSomebodyKeepsIsReportedAndStaysReadable() async throws {
    var configuration = TCPServer.Configuration()
    configuration.loop.diagnostics = .everyView
    let kept = Locked<ReadView?>(nil)
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        guard let view = try await connection.receive() else { return }
        try kept.withLock { $0 = try view.share() }
      }
    }
    let port = running.port
    try await blocking {
      let client = try BlockingClient(port: port)
      try client.send([4, 5, 6])
      #expect(client.isEnded())
    }
    running.server.shutdown()
    let summary = try await running.task.value
    #expect(summary.viewsOut == 1 && summary.slotsLeaked == 1)
    #expect(kept.withLock { $0?.copied() } == [4, 5, 6])
    kept.withLock { $0 = nil }
  }

  @Test func aServerOnBorrowedLoopsLeavesThemRunning() async throws {
    let group = try LoopGroup(count: 2)
    for _ in 0..<3 {
      let running = try await RunningServer.echo(.tasks, group: group)
      let port = running.port
      try await blocking { try EchoSwarm.run(port: port, clients: 4, total: 10_000) }
      try await running.stop()
    }
    // Two servers at a time on the same loops do not disturb each other's ends.
    let first = try await RunningServer.echo(.tasks, group: group)
    let second = try await RunningServer.echo(.handlers, group: group)
    let port = second.port
    let client = try await blocking {
      let client = try BlockingClient(port: port)
      #expect(try client.echo([1]) == [1])
      return client
    }
    first.server.shutdown()
    _ = try await first.task.value
    try await blocking { try EchoSwarm.run([EchoExchange(client, total: 10_000, seed: 0)]) }
    try await second.stop()
    await group.shutdown()
    #expect(group.loops.allSatisfy { $0.memory.slotsOut == 0 })
  }
}
