import IOBuffers
import Synchronization
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Tasks and actors that run on a loop's thread.
@Suite(.timeLimit(.minutes(5)))
struct ExecutorTests {
  /// Lives on a loop.
  actor Resident {
    nonisolated let loop: EventLoop
    var count = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.serialExecutor.asUnownedSerialExecutor() }

    init(_ loop: EventLoop) { self.loop = loop }

    func visit() -> Bool {
      count += 1
      return loop.isCurrent
    }
  }

  private func withLoop(_ body: (EventLoop) async throws -> Void) async throws {
    let loop = try EventLoop.start()
    try await body(loop)
    await loop.shutdown()
  }

  @Test func aTaskThatPrefersTheLoopRunsOnItsThread() async throws {
    try await withLoop { loop in
      #expect(!loop.isCurrent)
      let isCurrent = await Task(executorPreference: loop) {
        for _ in 0..<100 where !loop.isCurrent { return false }
        await Task.yield()
        try? await loop.sleep(for: .milliseconds(1))
        async let child = loop.isCurrent
        let childIsCurrent = await child
        return loop.isCurrent && childIsCurrent
      }.value
      #expect(isCurrent)
      #expect(!loop.isCurrent)
    }
  }

  @Test func aTaskComesBackToTheLoopFromElsewhere() async throws {
    try await withLoop { loop in
      let places = await Task(executorPreference: loop) {
        let before = loop.isCurrent
        let inside = await MainActor.run { loop.isCurrent }
        return [before, inside, loop.isCurrent]
      }.value
      #expect(places == [true, false, true])
    }
  }

  @Test func anActorWithTheLoopAsItsExecutorRunsOnIt() async throws {
    try await withLoop { loop in
      let resident = Resident(loop)
      try await withThrowingTaskGroup { group in
        for _ in 0..<8 {
          group.addTask { for _ in 0..<100 { #expect(await resident.visit()) } }
        }
        try await group.waitForAll()
      }
      #expect(await resident.count == 800)
      let isIsolated = await loop.onLoop { _ in resident.assumeIsolated { $0.count } }
      #expect(isIsolated == 800)
    }
  }

  @Test func aBodyRunsAtOnceOnTheLoopAndLaterFromElsewhere() async throws {
    try await withLoop { loop in
      let order = Locked<[Int]>([])
      await withCheckedContinuation { continuation in
        loop.execute {
          loop.execute { order.withLock { $0.append(1) } }
          order.withLock { $0.append(2) }
          continuation.resume()
        }
      }
      #expect(order.withLock { $0 } == [1, 2])
    }
  }

  /// Does to its own connection, through the loop, what it could do directly.
  private struct Roundabout: ConnectionHandler {
    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      let (id, loop) = (connection.id, connection.loop)
      let order = Locked<[UInt8]>([])
      loop.execute {
        loop.execute {
          order.change { $0.append(1) }
          _ = loop.withConnection(id) { $0.send(try? loop.arena.message([1])) }
        }
        order.change { $0.append(2) }
        _ = loop.withConnection(id) { $0.send(try? loop.arena.message([2])) }
      }
      connection.send(try? loop.arena.message(order.value + [3]))
      loop.execute { _ = loop.withConnection(id) { $0.close() } }
      // The end has begun by now: nothing more is taken.
      let isTaken = connection.send(view)
      #expect(!isTaken)
    }
  }

  @Test func aBodyThatAHandlerHandsOverHasRunBeforeTheHandlerGoesOn() async throws {
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { Roundabout() }
    }
    let port = running.port
    let bytes = try await blocking {
      let client = try BlockingClient(port: port)
      try client.send([0])
      return try client.receiveToEnd()
    }
    #expect(bytes == [1, 2, 1, 2, 3])
    try await running.stop()
  }

  /// Thousands of bodies from several threads at a time: none is lost, and those of one thread stay in their order.
  @Test func workOfOneThreadStaysInOrderHoweverManyThreadsThereAre() async throws {
    try await withLoop { loop in
      let threads = 4
      let each = TestRun.amount(5000, short: 1000, long: 200_000)
      let seen = Locked<[[Int]]>(Array(repeating: [], count: threads))
      try await blockingThreads(threads) { thread in
        for number in 0..<each {
          loop.execute {
            #expect(loop.isCurrent)
            seen.withLock { $0[thread].append(number) }
          }
          // Some pushes meet a loop that sleeps, some a loop that runs.
          if number % 500 == 0 { usleep(1000) }
        }
      }
      try await eventually { seen.withLock { $0.allSatisfy { $0.count == each } } }
      #expect(seen.withLock { $0.allSatisfy { $0 == Array(0..<each) } })
    }
  }

  @Test func manyTasksAllEnd() async throws {
    try await withLoop { loop in
      let sum = await withTaskGroup(of: Int.self) { group in
        for number in 0..<2000 {
          group.addTask(executorPreference: loop) {
            await Task.yield()
            return loop.isCurrent ? number : -1_000_000
          }
        }
        return await group.reduce(0, +)
      }
      #expect(sum == 2000 * 1999 / 2)
    }
  }

  /// A task that never pauses must not keep the loop from its completions and timers.
  @Test func aBusyTaskDoesNotKeepTimersFromFiring() async throws {
    try await withLoop { loop in
      let stop = Atomic<Bool>(false)
      let busy = Task(executorPreference: loop) {
        while !stop.load(ordering: .relaxed) { await Task.yield() }
      }
      try await Task(executorPreference: loop) { try await loop.sleep(for: .milliseconds(5)) }.value
      stop.store(true, ordering: .relaxed)
      await busy.value
    }
  }

  @Test func aPinnedLoopRunsOnItsProcessor() async throws {
    var configuration = EventLoop.Configuration()
    configuration.processor = 0
    let loop = try EventLoop.start(configuration)
    #expect(await loop.onLoop { _ in allowedProcessors() } == "0")
    await loop.shutdown()
  }

  /// A processor that does not exist is reported to the log, and the loop runs unpinned.
  @Test func aLoopThatCannotBePinnedRunsAllTheSame() async throws {
    var configuration = EventLoop.Configuration()
    configuration.processor = 1_000_000
    let loop = try EventLoop.start(configuration)
    #expect(await loop.onLoop { $0.isCurrent })
    await loop.shutdown()
  }
}

extension ConnectionContext {
  /// Sends what could be made.
  @discardableResult
  fileprivate func send(_ view: consuming ReadView?) -> Bool {
    switch consume view {
    case .some(let view): send(view)
    case nil: false
    }
  }
}

/// Where the calling thread may run, as proc(5) lists it.
private func allowedProcessors() -> String {
  guard let file = unsafe fopen("/proc/thread-self/status", "r") else { return "" }
  defer { unsafe fclose(file) }
  return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { line in
    guard let base = line.baseAddress else { return "" }
    while unsafe fgets(base, 4096, file) != nil {
      let text = unsafe String(cString: base)
      if text.hasPrefix("Cpus_allowed_list:") { return String(text.dropFirst(18).filter { !$0.isWhitespace }) }
    }
    return ""
  }
}
