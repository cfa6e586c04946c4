import IOBuffers
import Synchronization
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The end of a loop strands nobody.
@Suite(.timeLimit(.minutes(5)))
struct LoopShutdownTests {
  @Test func aSecondShutdownWaitsForTheSameEnd() async throws {
    let loop = try EventLoop.start()
    await withTaskGroup { group in
      for _ in 0..<8 { group.addTask { await loop.shutdown() } }
    }
    await loop.shutdown()
    #expect(!loop.isCurrent && loop.hasEnded)
  }

  /// The first turn finds the end already.
  @Test func aLoopMayBeEndedAsSoonAsItHasStarted() async throws {
    for _ in 0..<TestRun.amount(50, short: 10, long: 2000) {
      let loop = try EventLoop.start()
      async let first: Void = loop.shutdown()
      async let second: Void = loop.shutdown()
      _ = await (first, second)
      #expect(loop.hasEnded && loop.arena.statistics.slotsOut == 0)
    }
  }

  @Test func aTaskOnTheLoopMayEndItAndGoesOnBehindTheEnd() async throws {
    for _ in 0..<TestRun.amount(50, short: 10, long: 2000) {
      let loop = try EventLoop.start()
      let other = Task { await loop.shutdown() }
      let task = Task<Bool, any Error>(executorPreference: loop) {
        await loop.shutdown()
        await Task.yield()
        await loop.shutdown()
        let isCurrent = loop.isCurrent
        await #expect(throws: CancellationError.self) { try await loop.sleep(for: .seconds(10_000)) }
        return isCurrent && loop.hasEnded
      }
      #expect(try await task.value)
      await other.value
    }
  }

  @Test func anActorOnTheLoopMayEndIt() async throws {
    let loop = try EventLoop.start()
    let ender = Ender(loop)
    #expect(await ender.end())
    #expect(await ender.end())
  }

  /// Lives on the loop that it ends.
  private actor Ender {
    nonisolated let loop: EventLoop

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.serialExecutor.asUnownedSerialExecutor() }

    init(_ loop: EventLoop) { self.loop = loop }

    func end() async -> Bool {
      await loop.shutdown()
      return loop.isCurrent && loop.hasEnded
    }
  }

  /// Its own connection is aborted under it, as everybody else's.
  @Test func theTaskOfAConnectionMayEndItsLoop() async throws {
    let group = try LoopGroup(count: 1)
    let seen = Locked<[Bool]>([])
    let running = try await RunningServer.start(group: group) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        await connection.loop.shutdown()
        let error = await #expect(throws: SocketError.self) { try await connection.receive()?.count }
        seen.change { $0.append(error?.kind == .closed || error?.kind == .shuttingDown) }
      }
    }
    let port = running.port
    #expect(try await blocking { try BlockingClient(port: port).isEnded() })
    try await eventually { seen.value == [true] }
    running.server.shutdown()
    #expect(try await running.task.value.totals.connectionsClosed == 1)
  }

  /// One of those that wait for the end goes on in the loop's place, and holds it; the others need not wait for it,
  /// however late they come.
  @Test func whoeverWaitsForTheEndIsToldBeforeTasksOfTheLoopGoOn() async throws {
    let loop = try EventLoop.start()
    let told = Locked(false)
    let inside = Task(executorPreference: loop) {
      await loop.shutdown()
      while !told.value { usleep(100) }
    }
    try await eventually { loop.endWaiters.withLock { unsafe $0.isOver || !$0.waiting.isEmpty } }
    await Task.detached {
      await loop.shutdown()
      await loop.shutdown()
      told.change { $0 = true }
    }.value
    await inside.value
  }

  @Test func tasksThatStillPreferTheLoopGoOnAfterItsEnd() async throws {
    let loop = try EventLoop.start()
    let (gate, opener) = AsyncStream<Void>.makeStream()
    let before = Task(executorPreference: loop) {
      for await _ in gate { break }
      await Task.yield()
      return 1
    }
    await loop.shutdown()
    let after = Task(executorPreference: loop) {
      await Task.yield()
      return 2
    }
    #expect(await after.value == 2)
    opener.yield()
    #expect(await before.value == 1)
  }

  /// Jobs keep coming from several threads while the loop ends: all of them run.
  @Test func workThatArrivesDuringTheEndIsDone() async throws {
    for _ in 0..<TestRun.amount(20, short: 5, long: 500) {
      let loop = try EventLoop.start()
      let done = Locked(0)
      try await withThrowingTaskGroup { group in
        for _ in 0..<4 {
          group.addTask {
            try await blocking {
              for _ in 0..<200 { loop.execute { done.change { $0 += 1 } } }
            }
          }
          group.addTask(executorPreference: loop) {
            for _ in 0..<50 { await Task.yield() }
            done.change { $0 += 200 }
          }
        }
        group.addTask { await loop.shutdown() }
        try await group.waitForAll()
      }
      try await eventually { done.value == 8 * 200 }
    }
  }

  @Test func openConnectionsAreAbortedAndTheirTasksLearnWhy() async throws {
    let running = try await RunningServer.echo(.tasks)
    let loop = try EventLoop.start()
    let connection = try await TCPConnection.connect(to: running.address, on: loop)
    let waiting = Task { try await connection.receive()?.count }
    try await eventually { await loop.onLoop { _ in connection.hasReceiver } }
    await loop.shutdown()
    await #expect(throws: SocketError(.shuttingDown, .close, peer: running.address)) { try await waiting.value }
    await #expect(throws: SocketError(.closed, .receive, peer: running.address)) {
      _ = try await connection.receive()?.count
    }
    let other = try BufferArena()
    await #expect(throws: SocketError(.closed, .send, peer: running.address)) {
      try await connection.send(try other.message([1]))
    }
    #expect(other.statistics.slotsOut == 0)
    await connection.close()
    #expect(loop.memory.slotsOut == 0)
    let error = await #expect(throws: SocketError.self) {
      _ = try await TCPConnection.connect(to: running.address, on: loop)
    }
    #expect(error?.kind == .shuttingDown)
    try await running.stop()
  }

  @Test func aLoopThatNobodyHoldsIsFreedAfterItsEnd() async throws {
    weak var gone: EventLoop?
    do {
      let loop = try EventLoop.start()
      gone = loop
      await loop.shutdown()
    }
    try await eventually { gone == nil }
  }

  @Test func aGroupOfLoopsEndsAsOne() async throws {
    let group = try LoopGroup(count: 3)
    #expect(group.loops.map(\.index) == [0, 1, 2])
    let threads = await withTaskGroup(of: UInt.self) { tasks in
      for loop in group.loops { tasks.addTask { await loop.onLoop { _ in LoopThread.current } } }
      return await tasks.reduce(into: Set<UInt>()) { $0.insert($1) }
    }
    #expect(threads.count == 3)
    await group.shutdown()
    #expect(group.loops.allSatisfy { $0.hasEnded })
  }
}
