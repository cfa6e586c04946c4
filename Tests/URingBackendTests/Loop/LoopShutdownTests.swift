import IOBuffers
import Synchronization
import Testing

@testable import URingBackend

/// The end of a loop strands nobody.
@Suite(.timeLimit(.minutes(5)))
struct LoopShutdownTests {
  @Test func aSecondShutdownWaitsForTheSameEnd() async throws {
    let loop = try EventLoop.start()
    await withTaskGroup { group in
      for _ in 0..<8 { group.addTask { await loop.shutdown() } }
    }
    await loop.shutdown()
    #expect(!loop.isCurrent && loop.stopped.load(ordering: .relaxed))
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
    #expect(group.loops.allSatisfy { $0.stopped.load(ordering: .relaxed) })
  }
}
