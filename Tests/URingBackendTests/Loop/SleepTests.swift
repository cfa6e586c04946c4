import Testing

@testable import URingBackend

/// Sleeping on a loop.
@Suite(.timeLimit(.minutes(5)))
struct SleepTests {
  @Test(arguments: [true, false])
  func aSleepLastsAtLeastItsTime(onTheLoop: Bool) async throws {
    let loop = try EventLoop.start()
    for milliseconds in [0, 1, 20] {
      let early = try await Task(executorPreference: onTheLoop ? loop : nil) {
        let deadline = LoopClock.now() + UInt64(milliseconds) * 1_000_000
        try await loop.sleep(for: .milliseconds(milliseconds))
        return LoopClock.now() < deadline
      }.value
      #expect(!early)
    }
    await loop.shutdown()
  }

  @Test func sleepersWakeInTheOrderOfTheirDeadlines() async throws {
    let loop = try EventLoop.start()
    let order = Locked<[Int]>([])
    // Far apart: each deadline counts from when its task first runs, and a busy machine may take its time with that.
    let times = [1500, 500, 1000]
    let sleepers = times.map { time in
      Task(executorPreference: loop) {
        try await loop.sleep(for: .milliseconds(time))
        order.change { $0.append(time) }
      }
    }
    for sleeper in sleepers { try await sleeper.value }
    #expect(order.value == times.sorted())
    await loop.shutdown()
  }

  @Test func manySleepersWakeAll() async throws {
    let loop = try EventLoop.start()
    let woken = Locked(0)
    await withTaskGroup { group in
      for number in 0..<1000 {
        group.addTask(executorPreference: number % 2 == 0 ? loop : nil) {
          try? await loop.sleep(for: .microseconds(number % 50))
          woken.change { $0 += 1 }
        }
      }
    }
    #expect(woken.value == 1000)
    #expect(await loop.onLoop { $0.timers.armed } == 0)
    await loop.shutdown()
  }

  @Test(arguments: [true, false])
  func aSleepOfACancelledTaskThrowsAtOnce(onTheLoop: Bool) async throws {
    let loop = try EventLoop.start()
    let task = Task(executorPreference: onTheLoop ? loop : nil) {
      while !Task.isCancelled { await Task.yield() }
      try await loop.sleep(for: .seconds(10_000))
    }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(await loop.onLoop { $0.timers.armed } == 0)
    await loop.shutdown()
  }

  @Test(arguments: [true, false])
  func aSleeperThatIsCancelledWakesAndLeavesNoTimer(onTheLoop: Bool) async throws {
    let loop = try EventLoop.start()
    let tasks = (0..<20).map { _ in
      Task(executorPreference: onTheLoop ? loop : nil) { try await loop.sleep(for: .seconds(10_000)) }
    }
    try await eventually { await loop.onLoop { $0.timers.armed } == 20 }
    for task in tasks { task.cancel() }
    for task in tasks { await #expect(throws: CancellationError.self) { try await task.value } }
    #expect(await loop.onLoop { $0.timers.armed } == 0)
    await loop.shutdown()
  }

  @Test func aCancellationAfterTheSleepChangesNothing() async throws {
    let loop = try EventLoop.start()
    let task = Task(executorPreference: loop) {
      try await loop.sleep(for: .milliseconds(1))
      return 5
    }
    #expect(try await task.value == 5)
    task.cancel()
    #expect(try await task.value == 5)
    await loop.shutdown()
  }

  /// The timer and the cancellation come at about the same time, again and again: exactly one of them wakes the task.
  @Test func aCancellationThatRacesWithTheTimeWakesTheTaskOnce() async throws {
    let loop = try EventLoop.start()
    for round in 0..<TestRun.amount(300, short: 100, long: 10_000) {
      let task = Task(executorPreference: round % 2 == 0 ? loop : nil) {
        try await loop.sleep(for: .microseconds(100))
      }
      try await loop.sleep(for: .microseconds(90 + round % 20))
      task.cancel()
      _ = await task.result
    }
    #expect(await loop.onLoop { $0.timers.armed } == 0)
    await loop.shutdown()
  }

  @Test func aShutdownWakesSleepers() async throws {
    let loop = try EventLoop.start()
    let tasks = [loop, nil].map { executor in
      Task(executorPreference: executor) { try await loop.sleep(for: .seconds(10_000)) }
    }
    try await eventually { await loop.onLoop { $0.timers.armed } == 2 }
    await loop.shutdown()
    for task in tasks { await #expect(throws: CancellationError.self) { try await task.value } }
  }

  @Test func aSleepOnALoopThatHasEndedThrows() async throws {
    let loop = try EventLoop.start()
    await loop.shutdown()
    await #expect(throws: CancellationError.self) { try await loop.sleep(for: .milliseconds(1)) }
    let task = Task(executorPreference: loop) { try await loop.sleep(for: .milliseconds(1)) }
    await #expect(throws: CancellationError.self) { try await task.value }
  }
}
