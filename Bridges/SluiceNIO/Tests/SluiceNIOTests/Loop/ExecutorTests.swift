import NIOCore
import SluiceNIO
import Testing

@Suite(.timeLimit(.minutes(1))) struct ExecutorTests {
  private actor Resident {
    let loop: RingEventLoop
    // The loop is the actor's, and outlives its jobs.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.executor.asUnownedSerialExecutor() }
    private var visits = 0

    init(_ loop: RingEventLoop) {
      self.loop = loop
    }

    func visit() -> Bool {
      visits += 1
      return loop.inEventLoop
    }

    func await(_ future: EventLoopFuture<Int>) async throws -> (before: Bool, value: Int, after: Bool) {
      let before = loop.inEventLoop
      let value = try await future.get()
      return (before, value, loop.inEventLoop)
    }

    var count: Int { visits }
  }

  @Test func anActorRunsOnTheLoopThatIsItsExecutor() async throws {
    try await onLoops(2) { group in
      let resident = Resident(group.loops[0])
      await withTaskGroup { tasks in
        for _ in 0..<200 { tasks.addTask { await #expect(resident.visit()) } }
      }
      #expect(await resident.count == 200)
    }
  }

  @Test func anActorComesBackToItsLoopFromAFutureOfAnother() async throws {
    try await onLoops(2) { group in
      let resident = Resident(group.loops[0])
      let result = try await resident.await(group.loops[1].scheduleTask(in: .milliseconds(1)) { 7 }.futureResult)
      #expect(result == (before: true, value: 7, after: true))
    }
  }

  @Test func onItsLoopAnActorIsEnteredWithoutWaiting() async throws {
    try await onLoops { group in
      let loop = group.loops[0]
      let resident = Resident(loop)
      let isInside = try await loop.submit { resident.assumeIsolated { $0.visit() } }.get()
      #expect(isInside)
    }
  }

  @Test func aTaskThatPrefersTheCoresLoopIsOnTheLoop() async throws {
    try await onLoops(2) { group in
      let loop = group.loops[1]
      let isThere = await withTaskExecutorPreference(loop.sluice) {
        await Task.yield()
        return loop.inEventLoop
      }
      #expect(isThere)
    }
  }
}
