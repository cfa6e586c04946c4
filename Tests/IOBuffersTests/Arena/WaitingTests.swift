import IOBuffers
import Testing

/// A dry arena: who waits is served in order, and nobody is lost.
@Suite("Waiting for memory", .timeLimit(.minutes(10)))
struct WaitingTests {
  @Test("nobody waits while there is memory")
  func immediate() async throws {
    let arena = try BufferArena(.small())
    let buffer = try await arena.allocateWhenAvailable(minimumCapacity: 3000)
    #expect(buffer.capacity >= 3000)
    #expect(arena.statistics.waits == 0)
  }

  @Test("waits until a slot is home")
  func waits() async throws {
    let arena = try BufferArena(.small([4096]))
    let (buffers, _) = arena.drain(4096)
    let isReleased = Counter()
    let task = Task {
      let buffer = try await arena.allocateWhenAvailable(minimumCapacity: 4096)
      return (buffer.capacity, isReleased.value)
    }
    #expect(await eventually { arena.statistics.waiting == 1 })
    #expect(arena.statistics.waits == 1)
    for _ in 0..<50 { await Task.yield() }
    isReleased.add()
    buffers[3].drop()
    #expect(try await task.value == (4096, 1))
    #expect(await eventually { arena.statistics.slotsOut == 15 })
    #expect(arena.statistics.waiting == 0)
  }

  @Test("a slot that a view holds is not home yet")
  func viewHoldsSlot() async throws {
    let arena = try BufferArena(.small([16 << 10]))
    let (buffers, _) = arena.drain(16 << 10)
    #expect(buffers.count == 4)
    let view = try #require(try buffers[0].lockedView())
    buffers[0].drop()
    let task = Task { try await arena.allocateWhenAvailable(minimumCapacity: 1).capacity }
    #expect(await eventually { arena.statistics.waiting == 1 })
    for _ in 0..<50 { await Task.yield() }
    #expect(arena.statistics.waiting == 1)
    view.empty()
    #expect(try await task.value == 16 << 10)
  }

  @Test("first in, first out")
  func order() async throws {
    let arena = try BufferArena(.small([4096]))
    let (buffers, _) = arena.drain(4096)
    let served = Journal<Int>()
    var tasks: [Task<Locker<PooledBuffer>, any Error>] = []
    for number in 0..<8 {
      tasks.append(
        Task {
          let buffer = try await arena.allocateWhenAvailable(minimumCapacity: 4096)
          served.append(number)
          return Locker(buffer)
        }
      )
      #expect(await eventually { arena.statistics.waiting == number + 1 })
    }
    for number in 0..<8 {
      buffers[number].drop()
      #expect(await eventually { served.count == number + 1 })
      #expect(served.entries == Array(0...number))
    }
    #expect(arena.statistics.waiting == 0)
    for task in tasks { try await task.value.empty() }
  }

  @Test("first in, first out, also between those who want different sizes", arguments: [[4096, 256], [256, 4096]])
  func orderAcrossSizes(_ wishes: [Int]) async throws {
    let arena = try BufferArena(.small([256, 4096]))
    let (buffers, _) = arena.drain(4096)
    #expect(buffers.count == 16)
    let served = Journal<Int>()
    var tasks: [Task<Locker<PooledBuffer>, any Error>] = []
    for (number, wish) in wishes.enumerated() {
      tasks.append(
        Task {
          let buffer = try await arena.allocateWhenAvailable(minimumCapacity: wish)
          served.append(wish)
          return Locker(buffer)
        }
      )
      #expect(await eventually { arena.statistics.waiting == number + 1 })
    }
    // One that serves either of them. The slots of one page each are idle segments too, so that the small one may get
    // a segment of its own size; what counts is who gets it.
    buffers[0].drop()
    #expect(await eventually { served.count == 1 })
    for _ in 0..<50 { await Task.yield() }
    #expect(served.entries == [wishes[0]])
    buffers[1].drop()
    #expect(await eventually { served.count == 2 })
    for task in tasks { try await task.value.empty() }
  }

  @Test("who wants what cannot be had does not hold up who wants less")
  func smallerOvertakes() async throws {
    let arena = try BufferArena(.small([256, 16 << 10], segmentBytes: 16 << 10))
    // Three large slots and one segment of small ones.
    let (large, _) = arena.drain(16 << 10, upTo: 3)
    let (small, _) = arena.drain(256)
    #expect(large.count == 3)
    let first = Task { try await arena.allocateWhenAvailable(minimumCapacity: 16 << 10).capacity }
    #expect(await eventually { arena.statistics.waiting == 1 })
    let second = Task { try await arena.allocateWhenAvailable(minimumCapacity: 200).capacity }
    #expect(await eventually { arena.statistics.waiting == 2 })
    small[0].drop()
    #expect(try await second.value == 256)
    #expect(arena.statistics.waiting == 1)
    large[0].drop()
    #expect(try await first.value == 16 << 10)
  }

  @Test("memory that comes home in another size is trimmed for the one who waits")
  func trimServesWaiter() async throws {
    let arena = try BufferArena(.small([256, 16 << 10]))
    let (small, _) = arena.drain(256)
    #expect(small.count == 256)
    let task = Task { try await arena.allocateWhenAvailable(minimumCapacity: 16 << 10).capacity }
    #expect(await eventually { arena.statistics.waiting == 1 })
    for buffer in small { buffer.drop() }
    #expect(try await task.value == 16 << 10)
  }

  @Test("a dedicated segment that comes home serves the one who waits")
  func dedicatedServesWaiter() async throws {
    let arena = try BufferArena(.small([256]))
    let large = Keeper(try arena.allocate(minimumCapacity: 60_000))
    let task = Task { try await arena.allocateWhenAvailable(minimumCapacity: 50_000).capacity }
    #expect(await eventually { arena.statistics.waiting == 1 })
    large.drop()
    #expect(try await task.value >= 50_000)
  }

  @Test("what can never be had fails instead of waiting", arguments: [4096, 8192, 32 << 10, 64 << 10, 80 << 10])
  func impossible(_ byteLimit: Int) async throws {
    let arena = try BufferArena(BufferArena.Configuration(byteLimit: byteLimit))
    let above = await failure { try await arena.allocateWhenAvailable(minimumCapacity: byteLimit + 1) }
    #expect(above == .limitReached(requested: byteLimit + 1, mapped: 0, limit: byteLimit))
    let huge = await failure { try await arena.allocateWhenAvailable(minimumCapacity: 1 << 40) }
    #expect(huge == .tooLarge(requested: 1 << 40, limit: BufferArena.largestBuffer))
    // And what can be had in an empty arena is had, whatever the sizes of the slots are.
    for part in [4, 3, 2, 1] {
      let wish = byteLimit / part
      let error = await failure { try await arena.allocateWhenAvailable(minimumCapacity: wish) }
      #expect(error == nil, "\(wish) bytes")
    }
  }

  @Test("cancelling ends a wait; those behind are served")
  func cancellation() async throws {
    let arena = try BufferArena(.small([4096]))
    let (buffers, _) = arena.drain(4096)
    var tasks: [Task<BufferError?, Never>] = []
    for number in 0..<5 {
      tasks.append(Task { await failure { try await arena.allocateWhenAvailable(minimumCapacity: 1) } })
      #expect(await eventually { arena.statistics.waiting == number + 1 })
    }
    tasks[0].cancel()
    tasks[2].cancel()
    #expect(await tasks[0].value == .cancelled)
    #expect(await tasks[2].value == .cancelled)
    #expect(arena.statistics.waiting == 3)
    #expect(arena.statistics.slotsOut == 16)
    for number in 0..<3 { buffers[number].drop() }
    for number in [1, 3, 4] { #expect(await tasks[number].value == nil) }
    #expect(await eventually { arena.statistics.slotsOut == 13 })
  }

  @Test("a task that is cancelled before it waits does not wait")
  func cancelledBefore() async throws {
    let arena = try BufferArena(.small([4096]))
    let (buffers, _) = arena.drain(4096)
    let isCancelled = Counter()
    let task = Task {
      while isCancelled.value == 0 { await Task.yield() }
      return await failure { try await arena.allocateWhenAvailable(minimumCapacity: 1) }
    }
    task.cancel()
    isCancelled.add()
    #expect(await task.value == .cancelled)
    #expect(arena.statistics.waiting == 0)
    #expect(buffers.count == 16)
  }

  @Test("tasks and loops stand in the same queue")
  func sharedQueue() async throws {
    let arena = try BufferArena(.small([4096]))
    let (buffers, _) = arena.drain(4096)
    let served = Journal<String>()
    let first = Task {
      let buffer = Locker(try await arena.allocateWhenAvailable(minimumCapacity: 4096))
      served.append("first")
      return buffer
    }
    #expect(await eventually { arena.statistics.waiting == 1 })
    arena.whenAvailable(slotBytes: 4096) { served.append("loop") }
    #expect(arena.statistics.waiting == 2)
    let second = Task {
      let buffer = Locker(try await arena.allocateWhenAvailable(minimumCapacity: 4096))
      served.append("second")
      return buffer
    }
    #expect(await eventually { arena.statistics.waiting == 3 })
    for (number, name) in ["first", "loop", "second"].enumerated() {
      buffers[number].drop()
      #expect(await eventually { served.count == number + 1 })
      #expect(served.entries.last == name)
    }
    #expect(arena.takeForKernel(slotBytes: 4096).map { $0.releaseFromKernel() } != nil)
    try await first.value.empty()
    try await second.value.empty()
    #expect(arena.statistics.slotsOut == 13)
  }
}
