import IOBuffers
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Calls that are given a time, and servers that are not.
@Suite(.timeLimit(.minutes(5)))
struct DeadlineTests {
  @Test(arguments: [true, false])
  func aReceiveThatRunsOutOfTimeLosesNothing(onTheLoop: Bool) async throws {
    let running = try await RunningServer.echo(.handlers)
    let loop = try EventLoop.start()
    let connection = try await TCPConnection.connect(to: running.address, on: loop)
    for round in 0..<5 {
      let task = Task(executorPreference: onTheLoop ? loop : nil) {
        try await connection.receive(timeout: .milliseconds(2))?.copied()
      }
      await #expect(throws: SocketError(.timedOut, .receive, peer: running.address)) { try await task.value }
      try await connection.send(try loop.arena.message([UInt8(round)]))
      #expect(try await connection.receive(timeout: .seconds(1000))?.copied() == [UInt8(round)])
    }
    // What was in time leaves no timer but the connection's own.
    #expect(await loop.onLoop { $0.timers.armed } == 1)
    await connection.close()
    await loop.shutdown()
    #expect(loop.memory.slotsOut == 0)
    try await running.stop()
  }

  @Test func aReceiveWithATimeCanBeCancelledAndSeesTheEnd() async throws {
    let running = try await RunningServer.echo(.tasks)
    let loop = try EventLoop.start()
    let connection = try await TCPConnection.connect(to: running.address, on: loop)
    let task = Task { try await connection.receive(timeout: .seconds(1000))?.count }
    try await eventually { await loop.onLoop { _ in connection.hasReceiver } }
    task.cancel()
    await #expect(throws: SocketError(.cancelled, .receive, peer: running.address)) { try await task.value }
    #expect(await loop.onLoop { $0.timers.armed } == 1)
    await connection.closeOutput()
    #expect(try await connection.receive(timeout: .seconds(1000))?.count == nil)
    await connection.close()
    await loop.shutdown()
    try await running.stop()
  }

  @Test func anOperationIsCancelledAtItsDeadlineAndEndsBeforeItReturns() async throws {
    let loop = try EventLoop.start()
    let ended = Locked(false)
    await #expect(throws: DeadlineExceeded(timeout: .milliseconds(5))) {
      try await loop.withDeadline(after: .milliseconds(5)) {
        defer { ended.change { $0 = true } }
        try await loop.sleep(for: .seconds(10_000))
      }
    }
    #expect(ended.value)
    #expect(try await loop.withDeadline(after: .seconds(10_000)) { loop.isCurrent })
    await #expect(throws: ServerEndedEarly.self) {
      try await loop.withDeadline(after: .seconds(10_000)) { throw ServerEndedEarly() }
    }
    #expect(await loop.onLoop { $0.timers.armed } == 0)
    await loop.shutdown()
  }

  @Test(arguments: ServerMode.allCases, [true, false])
  func anAbortedServerDoesNotWaitForItsConnections(mode: ServerMode, isDraining: Bool) async throws {
    var configuration = TCPServer.Configuration()
    configuration.drainTimeout = .seconds(10_000)
    let running = try await RunningServer.echo(mode, configuration)
    let port = running.port
    let clients = try await blocking {
      let clients = try (0..<5).map { _ in try BlockingClient(port: port) }
      for client in clients { #expect(try client.echo([1]) == [1]) }
      return clients
    }
    if isDraining { running.server.shutdown() }
    running.server.abort()
    let summary = try await running.ended()
    #expect(summary.totals.connectionsClosed == 5)
    try await blocking { for client in clients { #expect(client.isEnded()) } }
  }
}
