import IOBuffers
import Testing

/// Who waits for a large buffer is served, however many small ones come and go.
@Suite("Waiting beside others", .timeLimit(.minutes(10)))
struct StarvationTests {
  /// An arena of 64 KiB that is full of small buffers.
  private struct Full {
    let arena: BufferArena
    var buffers: [Keeper]

    init() throws {
      arena = try BufferArena(.small([256, 16 << 10]))
      buffers = arena.drain(256).buffers
      #expect(buffers.count == 256)
    }

    /// A buffer goes and another one comes, if it can be had.
    mutating func replace(_ place: Int) {
      buffers.remove(at: place).drop()
      if let buffer = try? arena.allocate(minimumCapacity: 256) { buffers.append(Keeper(buffer)) }
    }
  }

  @Test("small buffers that come and go do not keep a large one away", arguments: [16 << 10, 40 << 10])
  func loans(_ wish: Int) async throws {
    var full = try Full()
    let arena = full.arena
    let task = Task { await failure { try await arena.allocateWhenAvailable(minimumCapacity: wish) } }
    #expect(await eventually { arena.statistics.waiting == 1 })
    var generator = SeededGenerator(seed: 1)
    var turns = 0
    var least = full.buffers.count
    while arena.statistics.waiting > 0, turns < 20_000 {
      full.replace(generator.below(full.buffers.count))
      least = min(least, full.buffers.count)
      turns += 1
    }
    #expect(arena.statistics.waiting == 0, "\(turns) turns")
    // The others had all but what was put together: the wish, and the rest of the segments it was taken from.
    #expect(least >= 256 - (wish + (16 << 10)) / 256, "\(least)")
    task.cancel()
    #expect(await task.value == nil)
  }

  @Test("small ones that wait do not pass a large one for ever")
  func waiters() async throws {
    var full = try Full()
    let arena = full.arena
    let large = Task { await failure { try await arena.allocateWhenAvailable(minimumCapacity: 16 << 10) } }
    #expect(await eventually { arena.statistics.waiting == 1 })
    // A loop that wants small slots, and asks again as soon as it has one.
    let taken = Journal<DetachedView>()
    @Sendable func ask() {
      arena.whenAvailable(slotBytes: 256) {
        for slot in arena.takeForKernel(slotBytes: 256, count: 1, mayGrow: false) { taken.append(slot) }
        ask()
      }
    }
    ask()
    #expect(arena.statistics.waiting == 2)
    var generator = SeededGenerator(seed: 2)
    var released = 0
    // Whoever has a slot gives it back some time; there are always takers.
    for _ in 0..<20_000 where arena.statistics.waiting > 1 {
      if !full.buffers.isEmpty {
        full.buffers.remove(at: generator.below(full.buffers.count)).drop()
      } else if released < taken.count {
        taken.entries[released].releaseFromKernel()
        released += 1
      }
    }
    // Who got the large one lets go of it at once, on a thread of its own, and so calls the loop, which asks again there.
    #expect(await eventually { arena.statistics.waiting == 1 })
    large.cancel()
    #expect(await large.value == nil)
    // Closed first, so that what comes home is not taken again.
    arena.close()
    full.buffers = []
    for slot in taken.entries[released...] { slot.releaseFromKernel() }
    #expect(arena.slotsOut == 0)
  }

  @Test("a kernel that waits for a large slot is served, too")
  func notice() throws {
    var full = try Full()
    let calls = Counter()
    full.arena.whenAvailable(slotBytes: 16 << 10) { calls.add() }
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<20_000 where calls.value == 0 { full.replace(generator.below(full.buffers.count)) }
    #expect(calls.value == 1)
    let slot = try #require(full.arena.takeForKernel(slotBytes: 16 << 10))
    #expect(slot.count == 16 << 10)
    slot.releaseFromKernel()
  }

  @Test("buffers that never go do not hold it up, if others do")
  func pinned() async throws {
    var full = try Full()
    let arena = full.arena
    // Of three segments all but one buffer go, and that one stays for ever: nothing is emptier. The fourth is busy.
    var pinned: [Keeper] = []
    var others: [Keeper] = []
    for (place, buffer) in full.buffers.enumerated() {
      if place < 192 {
        if place % 16 == 0 { pinned.append(buffer) } else { buffer.drop() }
      } else {
        others.append(buffer)
      }
    }
    full.buffers = others
    let task = Task { await failure { try await arena.allocateWhenAvailable(minimumCapacity: 16 << 10) } }
    #expect(await eventually { arena.statistics.waiting == 1 })
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<20_000 where arena.statistics.waiting > 0 {
      full.replace(generator.below(full.buffers.count))
    }
    #expect(arena.statistics.waiting == 0)
    for (number, buffer) in pinned.enumerated() { #expect(try buffer.array() == [], "\(number)") }
    task.cancel()
    #expect(await task.value == nil)
  }

  @Test("what is put together is not for others, of no size")
  func kept() async throws {
    var full = try Full()
    let arena = full.arena
    let task = Task { await failure { try await arena.allocateWhenAvailable(minimumCapacity: 40 << 10) } }
    #expect(await eventually { arena.statistics.waiting == 1 })
    for _ in 0..<20_000 where arena.statistics.mappedBytes == 64 << 10 { full.replace(0) }
    let mapped = arena.statistics.mappedBytes
    #expect(mapped < 64 << 10)
    #expect(arena.statistics.waiting == 1)
    #expect(failure { try arena.allocate(minimumCapacity: (64 << 10) - mapped) } != nil)
    // What is mapped serves, but nothing more is mapped.
    full.buffers += arena.drain(256).buffers
    for slot in arena.takeForKernel(slotBytes: 256, count: 300) { slot.releaseFromKernel() }
    #expect(arena.statistics.mappedBytes == mapped)
    // All that was kept is for the one who waits.
    full.buffers = []
    #expect(await task.value == nil)
  }

  @Test("who stops waiting leaves everything to the others", arguments: [false, true])
  func cancelled(_ isClosed: Bool) async throws {
    var full = try Full()
    let arena = full.arena
    let task = Task { await failure { try await arena.allocateWhenAvailable(minimumCapacity: 40 << 10) } }
    #expect(await eventually { arena.statistics.waiting == 1 })
    // Long enough for memory to be put together, not for all of it to be there.
    for _ in 0..<120 { full.replace(0) }
    #expect(full.buffers.count < 256)
    #expect(arena.statistics.waiting == 1)
    if isClosed { arena.close() } else { task.cancel() }
    #expect(await task.value == (isClosed ? .closed : .cancelled))
    if !isClosed { full.buffers += arena.drain(256).buffers }
    #expect(full.buffers.count == (isClosed ? arena.statistics.slotsOut : 256))
    full.buffers = []
    #expect(arena.statistics.slotsOut == 0)
  }
}
