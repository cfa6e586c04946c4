import IOBuffers
import Synchronization
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a loop leaves behind works on when the loop is gone.
@Suite(.timeLimit(.minutes(5)))
struct LoopEndTests {
  /// Keeps the executor of a loop, and nothing else of it.
  actor Survivor {
    let executor: LoopSerialExecutor
    var count = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    init(_ executor: LoopSerialExecutor) { self.executor = executor }

    func visit() -> Bool {
      count += 1
      return executor.isIsolatingCurrentContext() == true
    }
  }

  /// A loop that has ended, and that nobody holds any more; what is left of it.
  private func executorOfALoopThatIsGone() async throws -> LoopSerialExecutor {
    weak var gone: EventLoop?
    let executor: LoopSerialExecutor
    do {
      let loop = try EventLoop.start()
      gone = loop
      executor = loop.serialExecutor
      await loop.shutdown()
    }
    try await eventually { gone == nil }
    return executor
  }

  @Test func anActorThatKeepsTheExecutorAloneRunsOnWhenTheLoopIsGone() async throws {
    let survivor = Survivor(try await executorOfALoopThatIsGone())
    await withTaskGroup { group in
      for _ in 0..<4 {
        group.addTask { for _ in 0..<200 { #expect(await survivor.visit()) } }
      }
    }
    #expect(await survivor.count == 800)
    #expect(survivor.executor.isIsolatingCurrentContext() == false)
  }

  /// The actor goes with its last job, and the executor with the actor, while the executor runs that job.
  @Test func anActorMayEndWithItsLastJobAfterTheLoopsEnd() async throws {
    for _ in 0..<TestRun.amount(200, short: 50, long: 5000) {
      weak var gone: LoopSerialExecutor?
      do {
        let loop = try EventLoop.start()
        gone = loop.serialExecutor
        let survivor = Survivor(loop.serialExecutor)
        await loop.shutdown()
        let task = Task.detached { await survivor.visit() }
        #expect(await task.value)
      }
      try await eventually { gone == nil }
    }
  }

  /// The task is all that holds the loop, and ends in a job that the ended loop runs.
  @Test func aTaskMayHoldTheLastReferenceToALoopThatHasEnded() async throws {
    for _ in 0..<TestRun.amount(200, short: 50, long: 5000) {
      weak var gone: EventLoop?
      weak var executor: LoopSerialExecutor?
      let (gate, opener) = AsyncStream<Void>.makeStream()
      let task: Task<Int, Never>
      do {
        let loop = try EventLoop.start()
        gone = loop
        executor = loop.serialExecutor
        task = Task(executorPreference: loop) {
          for await _ in gate {}
          return 7
        }
        await loop.shutdown()
      }
      try await blocking { opener.finish() }
      #expect(await task.value == 7)
      try await eventually { gone == nil && executor == nil }
    }
  }

  @Test func jobsOfAnActorThatArriveDuringTheEndAreDone() async throws {
    for _ in 0..<TestRun.amount(20, short: 5, long: 500) {
      let survivor: Survivor
      let end: Task<Void, Never>
      do {
        let loop = try EventLoop.start()
        survivor = Survivor(loop.serialExecutor)
        end = Task { await loop.shutdown() }
      }
      await withTaskGroup { group in
        for _ in 0..<4 {
          group.addTask { for _ in 0..<100 { #expect(await survivor.visit()) } }
        }
      }
      await end.value
      #expect(await survivor.count == 400)
    }
  }

  /// A body of `execute` finds the loop as it was, without the connections: it is the only one that runs, it is where the
  /// loop's actors are, and what it hands over itself runs at once.
  @Test func afterTheEndABodyRunsInTheLoopsPlace() async throws {
    let loop = try EventLoop.start()
    let survivor = Survivor(loop.serialExecutor)
    await loop.shutdown()
    let order = Locked<[Int]>([])
    loop.execute {
      #expect(loop.isCurrent)
      #expect(survivor.assumeIsolated { $0.count } == 0)
      loop.execute { order.change { $0.append(1) } }
      order.change { $0.append(2) }
    }
    try await eventually { order.value.count == 2 }
    #expect(order.value == [1, 2])
    #expect(!loop.isCurrent && survivor.executor.isIsolatingCurrentContext() == false)
  }

  /// Whoever resumes a task may hold a lock that the task wants next: no executor runs a job in the middle of that.
  @Test func whatComesAfterTheEndDoesNotRunInTheMiddleOfItsCaller() async throws {
    let loop = try EventLoop.start()
    let (gate, opener) = AsyncStream<Void>.makeStream()
    let places = Locked<[UInt]>([])
    let task = Task(executorPreference: loop) {
      for await _ in gate { break }
      places.change { $0.append(LoopThread.current) }
    }
    await loop.shutdown()
    let resumer = try await blocking {
      loop.execute { places.change { $0.append(LoopThread.current) } }
      opener.yield()
      // This thread stays until both have run, so that no other has its name.
      while places.value.count < 2 { usleep(100) }
      return LoopThread.current
    }
    await task.value
    #expect(!places.value.contains(resumer))
  }

  @Test func bodiesOfManyThreadsAfterTheEndRunOneAtATime() async throws {
    let loop = try EventLoop.start()
    await loop.shutdown()
    let inside = Atomic<Int>(0)
    let done = Locked(0)
    try await blockingThreads(4) { _ in
      for _ in 0..<500 {
        loop.execute {
          #expect(inside.wrappingAdd(1, ordering: .relaxed).newValue == 1)
          #expect(loop.isCurrent)
          done.change { $0 += 1 }
          inside.wrappingSubtract(1, ordering: .relaxed)
        }
      }
    }
    try await eventually { done.value == 2000 }
  }

  @Test func afterTheEndNoConnectionIsFoundByItsName() async throws {
    let running = try await RunningServer.echo(.handlers)
    let loop = try EventLoop.start()
    let connection = try await TCPConnection.connect(to: running.address, on: loop)
    let id = connection.id
    #expect(await loop.onLoop { $0.withConnection(id) { $0.unsentBytes } } == 0)
    await loop.shutdown()
    // In the loop's place, in a task that prefers the loop, and anywhere.
    #expect(await loop.onLoop { $0.withConnection(id) { $0.unsentBytes } } == nil)
    #expect(await Task(executorPreference: loop) { loop.withConnection(id) { $0.unsentBytes } }.value == nil)
    #expect(loop.withConnection(id) { $0.unsentBytes } == nil)
    try await running.stop()
  }
}
