import IOBuffers
import Testing

/// What the ring's side of the package does with slots.
@Suite("Slots for the kernel", .timeLimit(.minutes(10)))
struct KernelInterfaceTests {
  @Test("taken slots are writers of whole slots without an owner")
  func take() throws {
    let arena = try BufferArena(.small([256, 4096]))
    let slots = arena.takeForKernel(slotBytes: 200, count: 10)
    #expect(slots.count == 10)
    #expect(Set(slots.map { unsafe UInt(bitPattern: $0.base) }).count == 10)
    for slot in slots {
      #expect(slot.count == 256)
      #expect(unsafe slot.base == slot.slot.base)
      #expect(slot.slot.lockWord == LockWord(LockWord.oneWriter))
    }
    #expect(arena.statistics.slotsOut == 10)
    for slot in slots { slot.releaseFromKernel() }
    #expect(arena.statistics.slotsOut == 0)
  }

  @Test("takes what there is, at most what was asked for")
  func takeAll() throws {
    let arena = try BufferArena(.small([4096]))
    #expect(arena.takeForKernel(slotBytes: 4096, count: 0).isEmpty)
    let some = arena.takeForKernel(slotBytes: 4096, count: 5)
    #expect(some.count == 5)
    let rest = arena.takeForKernel(slotBytes: 4096, count: 100)
    #expect(rest.count == 11)
    #expect(arena.takeForKernel(slotBytes: 4096, count: 1).isEmpty)
    #expect(arena.takeForKernel(slotBytes: 5000, count: 1).isEmpty)
    for slot in some + rest { slot.releaseFromKernel() }
    #expect(arena.takeForKernel(slotBytes: 4096, count: 100).map { $0.releaseFromKernel() }.count == 16)
  }

  @Test("without leave to grow only mapped memory is taken")
  func mayNotGrow() throws {
    let arena = try BufferArena(.small([4096]))
    #expect(arena.takeForKernel(slotBytes: 4096, count: 9, mayGrow: false).isEmpty)
    #expect(arena.statistics.mappedBytes == 0)
    _ = try arena.allocate(minimumCapacity: 1)
    let mapped = arena.statistics.mappedBytes
    let slots = arena.takeForKernel(slotBytes: 4096, count: 100, mayGrow: false)
    #expect(slots.count == mapped / 4096)
    #expect(arena.statistics.mappedBytes == mapped)
    for slot in slots { slot.releaseFromKernel() }
  }

  @Test("a closed arena lends nothing to the kernel either")
  func closed() throws {
    let arena = try BufferArena(.small())
    arena.close()
    #expect(arena.takeForKernel(slotBytes: 1) == nil)
  }

  @Test("a slot that is filled piece by piece")
  func incremental() throws {
    let arena = try BufferArena(.small([256]))
    let slot = try #require(arena.takeForKernel(slotBytes: 256))
    try #require(unsafe writeAsKernel(pattern(256), to: slot.base))
    let first = ReadView(slot.filled(at: 0, count: 100, last: false))
    let second = ReadView(slot.filled(at: 100, count: 50, last: false))
    #expect(slot.slot.lockWord == LockWord(LockWord.oneWriter + 2 * LockWord.oneReader))
    #expect(first.array() == Array(pattern(256)[..<100]))
    first.release()
    let third = ReadView(slot.filled(at: 150, count: 106, last: true))
    #expect(slot.slot.lockWord == LockWord(2 * LockWord.oneReader))
    #expect(second.array() == Array(pattern(256)[100..<150]))
    #expect(third.array() == Array(pattern(256)[150...]))
    second.release()
    #expect(arena.statistics.slotsOut == 1)
    third.release()
    #expect(arena.statistics.slotsOut == 0)
  }

  @Test("nothing filled: an empty last reader")
  func emptyFill() throws {
    let arena = try BufferArena(.small([256]))
    let slot = try #require(arena.takeForKernel(slotBytes: 256))
    let view = ReadView(slot.filled(at: 0, count: 0, last: true))
    #expect(view.isEmpty == true)
    view.release()
    #expect(arena.statistics.slotsOut == 0)
  }

  @Test("more than was posted ends the program")
  func overfilled() async {
    await #expect(processExitsWith: .failure) {
      let arena = try BufferArena(.small([256]))
      let slot = try #require(arena.takeForKernel(slotBytes: 256))
      slot.filled(at: 200, count: 57, last: false).releaseReader()
    }
    await #expect(processExitsWith: .success) {
      let arena = try BufferArena(.small([256]))
      let slot = try #require(arena.takeForKernel(slotBytes: 256))
      slot.filled(at: 200, count: 56, last: true).releaseReader()
    }
  }

  @Test("adjacent readers merge into one lock")
  func absorb() throws {
    let arena = try BufferArena(.small([256]))
    let slot = try #require(arena.takeForKernel(slotBytes: 256))
    try #require(unsafe writeAsKernel(pattern(256), to: slot.base))
    var first = slot.filled(at: 0, count: 10, last: false)
    let second = slot.filled(at: 10, count: 20, last: false)
    let third = slot.filled(at: 30, count: 5, last: true)
    #expect(first.isFollowed(by: second))
    #expect(!second.isFollowed(by: first))
    #expect(!first.isFollowed(by: third))
    #expect(!first.isFollowed(by: first))
    first.absorb(second)
    #expect(first.count == 30)
    #expect(slot.slot.lockWord.readers == 2)
    first.absorb(third)
    #expect(slot.slot.lockWord.readers == 1)
    first.removePrefix(3)
    let view = ReadView(first)
    #expect(view.array() == Array(pattern(256)[3..<35]))
    view.release()
    #expect(arena.statistics.slotsOut == 0)
  }

  @Test("neighbours in different slots are no neighbours")
  func noMergeAcrossSlots() throws {
    let arena = try BufferArena(.small([256]))
    let slots = arena.takeForKernel(slotBytes: 256, count: 4).sorted { unsafe $0.base < $1.base }
    let readers = slots.map { $0.filled(at: 0, count: 256, last: true) }
    #expect(unsafe readers[0].base + 256 == readers[1].base)
    #expect(!readers[0].isFollowed(by: readers[1]))
    for reader in readers { reader.releaseReader() }
  }

  @Test("merging what is not adjacent ends the program")
  func wrongMerge() async {
    await #expect(processExitsWith: .failure) {
      let arena = try BufferArena(.small([256]))
      let slot = try #require(arena.takeForKernel(slotBytes: 256))
      var first = slot.filled(at: 0, count: 10, last: false)
      first.absorb(slot.filled(at: 11, count: 10, last: false))
    }
    await #expect(processExitsWith: .failure) {
      let arena = try BufferArena(.small([256]))
      var first = try #require(arena.takeForKernel(slotBytes: 256)).filled(at: 0, count: 10, last: true)
      first.removePrefix(11)
    }
  }

  @Test("detached views come back as they were")
  func detach() throws {
    let arena = try BufferArena(.small())
    let buffer = try arena.buffer(pattern(20))
    let reader = try buffer.readView(of: 3..<9)
    let address = reader.address
    let detached = reader.detach()
    #expect(detached.count == 6)
    #expect(unsafe UInt(bitPattern: detached.base) == address)
    #expect(failure { try buffer.writeView() } == .locked(LockReport(readers: 1, writers: 0)))
    let shared = try #require(detached.shareReader())
    let again = ReadView(detached)
    #expect(again.array() == Array(pattern(20)[3..<9]))
    again.release()
    #expect(failure { try buffer.writeView() } == .locked(LockReport(readers: 1, writers: 0)))
    shared.releaseReader()
    var writer = WriteView(try buffer.writeView(of: 0..<2).detach())
    writer[1] = 77
    writer.release()
    #expect(try buffer.readView()[1] == 77)
  }

  @Test("a late message for an earlier life of a slot is recognised")
  func generation() throws {
    let arena = try BufferArena(.small([4096]))
    var generations: [UInt32] = []
    var headers: Set<UInt> = []
    for _ in 0..<5 {
      let slot = try #require(arena.takeForKernel(slotBytes: 4096))
      generations.append(slot.slot.generation)
      headers.insert(unsafe UInt(bitPattern: slot.header))
      slot.releaseFromKernel()
    }
    #expect(headers.count == 1)
    #expect(generations == Array(generations[0]..<generations[0] + 5))
  }

  @Test("the callback comes at once when there is memory")
  func availableAtOnce() throws {
    let arena = try BufferArena(.small([4096]))
    let calls = Counter()
    arena.whenAvailable(slotBytes: 4096) { calls.add() }
    #expect(calls.value == 1)
    #expect(arena.statistics.waits == 0)
    #expect(arena.takeForKernel(slotBytes: 4096).map { $0.releaseFromKernel() } != nil)
    #expect(calls.value == 1)
  }

  @Test("the callback comes once, when a slot is home, and that slot can be had")
  func availableLater() throws {
    let arena = try BufferArena(.small([4096]))
    var slots = arena.takeForKernel(slotBytes: 4096, count: 16)
    let calls = Counter()
    arena.whenAvailable(slotBytes: 4096) { calls.add() }
    #expect(calls.value == 0)
    #expect(arena.statistics.waiting == 1)
    slots.removeLast().releaseFromKernel()
    #expect(calls.value == 1)
    // Kept for the kernel: nobody is faster.
    #expect(failure { try arena.allocate(minimumCapacity: 1) } != nil)
    #expect(arena.trim() == 0)
    slots.append(contentsOf: arena.takeForKernel(slotBytes: 4096, count: 2))
    #expect(slots.count == 16)
    for slot in slots { slot.releaseFromKernel() }
    #expect(calls.value == 1)
    #expect(arena.statistics.slotsOut == 0)
  }

  @Test("what was kept for the kernel and not taken is everybody's again", arguments: [[4096], [256, 4096]])
  func promiseReturned(_ sizes: [Int]) throws {
    let arena = try BufferArena(.small(sizes))
    var slots = arena.takeForKernel(slotBytes: 4096, count: 16)
    #expect(slots.count == 16)
    let calls = Counter()
    for slotBytes in [4096, 100, 100] { arena.whenAvailable(slotBytes: slotBytes) { calls.add() } }
    for _ in 0..<3 { slots.removeLast().releaseFromKernel() }
    #expect(calls.value == 3)
    #expect(arena.takeForKernel(slotBytes: 4096, count: 0).isEmpty)
    let (buffers, _) = arena.drain(4096)
    #expect(buffers.count == 3)
    for slot in slots { slot.releaseFromKernel() }
    for buffer in buffers { buffer.drop() }
    #expect(arena.trim() == 64 << 10)
  }

  @Test("the callback may use the arena")
  func reentrant() throws {
    let arena = try BufferArena(.small([4096]))
    var slots = arena.takeForKernel(slotBytes: 4096, count: 16)
    let taken = Journal<DetachedView>()
    let calls = Counter()
    arena.whenAvailable(slotBytes: 4096) {
      for slot in arena.takeForKernel(slotBytes: 4096, count: 4) { taken.append(slot) }
      arena.whenAvailable(slotBytes: 4096) { calls.add() }
    }
    slots.removeLast().releaseFromKernel()
    #expect(taken.count == 1)
    #expect(calls.value == 0)
    #expect(arena.statistics.waiting == 1)
    for slot in taken.entries { slot.releaseFromKernel() }
    #expect(calls.value == 1)
    for slot in slots { slot.releaseFromKernel() }
    #expect(arena.statistics.slotsOut == 0)
  }

  @Test("who was called is let go of, and so is who will never be called")
  func callbackIsReleased() throws {
    let arena = try BufferArena(.small([4096]))
    var slots = arena.takeForKernel(slotBytes: 4096, count: 16)
    weak var first: Counter?
    weak var second: Counter?
    do {
      let loop = Counter()
      first = loop
      arena.whenAvailable(slotBytes: 4096) { loop.add() }
      let other = Counter()
      second = other
      arena.whenAvailable(slotBytes: 4096) { other.add() }
    }
    #expect(first != nil)
    slots.removeLast().releaseFromKernel()
    #expect(first == nil)
    #expect(second != nil)
    arena.close()
    #expect(second == nil)
    for slot in slots { slot.releaseFromKernel() }
  }

  @Test("loops are called in the order in which they asked")
  func order() throws {
    let arena = try BufferArena(.small([4096]))
    let slots = arena.takeForKernel(slotBytes: 4096, count: 16)
    let calls = Journal<Int>()
    for number in 0..<10 { arena.whenAvailable(slotBytes: 4096) { calls.append(number) } }
    for (number, slot) in slots.enumerated() {
      slot.releaseFromKernel()
      #expect(calls.entries == Array(0..<min(number + 1, 10)))
    }
  }

  @Test("a pooled buffer of the same slot comes after the kernel's, without its bytes showing")
  func reuseAfterKernel() throws {
    let arena = try BufferArena(.small([4096], byteLimit: 4096))
    let slot = try #require(arena.takeForKernel(slotBytes: 4096))
    try #require(unsafe writeAsKernel(pattern(4096), to: slot.base))
    slot.filled(at: 0, count: 4096, last: true).releaseReader()
    var buffer = try arena.allocate(minimumCapacity: 1)
    #expect(buffer.count == 0)
    try buffer.resize(to: 4096)
    let view = try buffer.readView()
    #expect(view.array() == [UInt8](repeating: 0, count: 4096))
  }
}
