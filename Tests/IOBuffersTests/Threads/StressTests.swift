import IOBuffers
import Testing

/// Everything at once on an arena of a few slots: tasks that wait, threads that take and release, a loop that is called,
/// cancellations. At the end everything is home and everybody was served.
@Suite(.timeLimit(.minutes(20)))
struct StressTests {
  @Test(
    "waiting, taking, releasing and cancelling on many threads",
    arguments: [BufferArena.Diagnostics.off, .counts, .sampled(every: 2)]
  )
  func everythingAtOnce(_ diagnostics: BufferArena.Diagnostics) async throws {
    let seed = Settings.seed
    let arena = try BufferArena(
      .small([256, 4096], byteLimit: 16 << 10, segmentBytes: 4096, diagnostics: diagnostics)
    )
    let post = Post()
    let log = FailureLog()
    let served = Counter()
    let steps = Settings.repetitions(4000)
    let workers = Counter()
    async let threads: Void = withTaskGroup(of: Void.self) { group in
      for number in 0..<2 {
        group.addTask {
          await onThread { work(arena, post, log, seed: seed &+ UInt64(number), steps: steps) }
          workers.add()
        }
      }
      group.addTask {
        await onThread { loop(arena, post, log, turns: steps / 4) }
        workers.add()
      }
    }
    async let tasks: Void = withTaskGroup(of: Void.self) { group in
      for number in 0..<6 {
        group.addTask {
          await borrow(arena, post, log, served, seed: seed &+ UInt64(100 + number), turns: steps / 8)
          workers.add()
        }
      }
    }
    // What lies in the post when the threads have ended is what the last tasks wait for.
    let isOver = await eventually {
      post.empty(log)
      return workers.value == 9
    }
    #expect(isOver, "SLUICE_TEST_SEED=\(seed) \(arena.statistics)")
    if isOver { _ = await (threads, tasks) }
    post.empty(log)
    #expect(log.messages.isEmpty, "SLUICE_TEST_SEED=\(seed)")
    #expect(served.value > 0)
    #expect(arena.statistics.waits > 0)
    #expect(arena.statistics.waiting == 0)
    #expect(arena.statistics.slotsOut == 0)
    // Nothing is lost and nothing is kept for anybody.
    arena.trim()
    #expect(arena.statistics.mappedBytes == 0)
    let (buffers, _) = arena.drain(4096)
    #expect(buffers.count == 4)
    #expect(arena.holders().isEmpty)
    #expect(arena.statistics.readersOut ?? 0 == 0)
    #expect(arena.statistics.writersOut ?? 0 == 0)
  }

  @Test("cancelling and serving a waiter at the same time: it has the slot, or the slot is home")
  func cancelAgainstServe() async throws {
    let arena = try BufferArena(.small([4096], byteLimit: 4096))
    var outcomes = (served: 0, cancelled: 0)
    for round in 0..<Settings.repetitions(600) {
      let keeper = Locker(try arena.allocate(minimumCapacity: 1))
      let task = Task { await failure { try await arena.allocateWhenAvailable(minimumCapacity: 1) } }
      #expect(await eventually { arena.statistics.waiting == 1 })
      async let release: Void = keeper.empty()
      if round.isMultiple(of: 3) { await Task.yield() }
      if round.isMultiple(of: 7) { await release }
      task.cancel()
      await release
      switch await task.value {
      case nil: outcomes.served += 1
      case .cancelled: outcomes.cancelled += 1
      case let error: Issue.record("\(String(describing: error))")
      }
      let statistics = arena.statistics
      if statistics.slotsOut != 0 || statistics.waiting != 0 {
        Issue.record("round \(round): \(statistics)")
        return
      }
    }
    // In every seventh round the slot was home before the task was cancelled.
    #expect(outcomes.served > 0)
  }
}

/// Views on their way from one thread to another. Holds two slots at most, so that there is always something to borrow.
private final class Post: Sendable {
  private let letters = Guarded<[DetachedView]>([])

  /// Puts a view in. What is too much comes out, and is checked and released by the caller.
  func send(_ view: consuming ReadView, _ log: FailureLog) {
    let letter = view.detach()
    let surplus = letters.withLock { letters -> DetachedView? in
      letters.append(letter)
      return letters.count > 2 ? letters.removeFirst() : nil
    }
    if let surplus { Self.open(surplus, log) }
  }

  /// Takes one out and releases it. False if there was none.
  @discardableResult
  func receive(_ log: FailureLog) -> Bool {
    guard let letter = letters.withLock({ $0.popLast() }) else { return false }
    Self.open(letter, log)
    return true
  }

  func empty(_ log: FailureLog) {
    while receive(log) {}
  }

  private static func open(_ letter: DetachedView, _ log: FailureLog) {
    let view = ReadView(letter)
    let bytes = view.withBytes(PlainAccess.read)
    log.expect(bytes.allSatisfy { $0 == bytes.first }, "somebody wrote into \(bytes)")
    view.release()
  }
}

extension PooledBuffer {
  /// Fills the buffer with one byte.
  fileprivate mutating func stamp(_ byte: UInt8) throws(BufferError) {
    try resize(to: 24)
    var view = try writeView()
    var span = unsafe view.unsafeMutableBytes
    PlainAccess.fill(&span, byte)
  }
}

/// A thread that takes, passes on and releases.
private func work(_ arena: BufferArena, _ post: Post, _ log: FailureLog, seed: UInt64, steps: Int) {
  var random = SeededGenerator(seed: seed)
  for _ in 0..<steps {
    do throws(BufferError) {
      switch random.below(7) {
      case 0..<3: post.receive(log)
      case 3: arena.trim()
      case 4:
        // Looks while others come and go.
        let statistics = arena.statistics
        log.expect(statistics.slotsOut + statistics.slotsFree == statistics.slotsTotal, "\(statistics)")
        log.expect(statistics.mappedBytes <= statistics.byteLimit, "\(statistics)")
        log.expect(arena.holders().allSatisfy { $0.bytes <= 12 << 10 }, "a strange holder")
      default:
        var buffer = try arena.allocate(minimumCapacity: random.chance(1, in: 2) ? 64 : 4096)
        try buffer.stamp(UInt8(truncatingIfNeeded: random.next()))
        var view = try buffer.readView()
        let shared = try view.share()
        post.send(try view.split(at: 12), log)
        if random.chance(1, in: 2) { post.send(shared, log) }
      }
    } catch {
      if case .limitReached = error { continue }
      log.record("a thread met: \(error)")
    }
  }
}

/// A loop that takes slots for its kernel when it is called.
private func loop(_ arena: BufferArena, _ post: Post, _ log: FailureLog, turns: Int) {
  for turn in 0..<turns {
    let calls = Counter()
    arena.whenAvailable(slotBytes: 256) { calls.add() }
    if !spin(until: { calls.value > 0 }) { return log.record("a call was lost in turn \(turn)") }
    let slots = arena.takeForKernel(slotBytes: 256, count: 1 + turn % 2)
    log.expect(!slots.isEmpty, "turn \(turn): called, but there is no slot")
    log.expect(calls.value == 1, "turn \(turn): called \(calls.value) times")
    for slot in slots {
      let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: turn), count: 30)
      log.expect(unsafe writeAsKernel(bytes, to: slot.base), "the kernel cannot write")
      let first = slot.filled(at: 0, count: 10, last: false)
      let second = slot.filled(at: 10, count: 20, last: true)
      post.send(ReadView(first), log)
      second.releaseReader()
    }
  }
}

/// A task that waits for memory, and loses patience now and then.
private func borrow(
  _ arena: BufferArena,
  _ post: Post,
  _ log: FailureLog,
  _ served: Counter,
  seed: UInt64,
  turns: Int
) async {
  var random = SeededGenerator(seed: seed)
  for _ in 0..<turns {
    // The large one needs nearly the whole arena to itself.
    let capacity = [10, 200, 256, 3000, 4096, 12 << 10][random.below(6)]
    let stamp = UInt8(truncatingIfNeeded: random.next())
    let task = Task {
      await failure {
        var buffer = try await arena.allocateWhenAvailable(minimumCapacity: capacity)
        if buffer.capacity < capacity { log.record("\(buffer.capacity) bytes are less than \(capacity)") }
        try buffer.stamp(stamp)
        served.add()
        post.send(try buffer.finish(), log)
      }
    }
    if random.chance(1, in: 4) {
      await Task.yield()
      task.cancel()
    }
    if let error = await task.value, error != .cancelled { log.record("a task met: \(error)") }
  }
}
