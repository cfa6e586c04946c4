import CLiburing
import IOBuffers
import Synchronization
import SystemPackage
import Testing

@testable import URingBackend

/// The bookkeeping of posted slots, against a kernel that the test plays.
struct ProvidedBufferRingTests {
  /// A scripted ring with a provided-buffer ring on an arena of its own.
  final class Bench {
    let driver: ScriptedDriver
    let ring: Ring
    let arena: BufferArena
    let buffers: ProvidedBufferRing

    init(
      entries: Int = 8,
      initialSlots: Int = 4,
      slotBytes: Int = 1024,
      byteLimit: Int = 1 << 20,
      without disabled: [KernelFeature] = []
    ) throws {
      driver = ScriptedDriver(
        completionEntries: 64,
        features: KernelFeatures(assuming: KernelFeature.allCases).disabling(disabled)
      )
      ring = Ring(driver: driver)
      arena = try BufferArena(BufferArena.Configuration(byteLimit: byteLimit))
      buffers = try ProvidedBufferRing(
        ring: ring,
        arena: arena,
        group: 3,
        slotBytes: slotBytes,
        entries: entries,
        initialSlots: initialSlots
      )
    }

    var posted: [ScriptedBufferGroup.Entry] { driver.groups[3]?.posted ?? [] }

    /// Plays a receive and takes its completion.
    func receive(_ bytes: [UInt8]) -> DetachedView? {
      driver.deliver(bytes, group: 3, userData: 1)
      return ring.nextCompletion().flatMap { buffers.take($0) }
    }

    /// Plays an operation that fails, and uses the next buffer up all the same.
    func consumeHead() -> UInt32? { driver.groups[3]?.consumeHead() }

    func bytes(of view: DetachedView) -> [UInt8] {
      unsafe Array(UnsafeRawBufferPointer(start: view.base, count: Int(view.count)))
    }
  }

  private func pattern(_ count: Int, _ seed: Int = 0) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ seed) }
  }

  @Test func nothingIsPostedBeforeTheFirstReplenishment() throws {
    let bench = try Bench()
    #expect(bench.buffers.isEmpty && bench.posted.isEmpty && bench.arena.statistics.slotsOut == 0)
    #expect(bench.buffers.replenish() == 4)
    #expect(bench.buffers.postedSlots == 4 && bench.posted.count == 4 && bench.arena.statistics.slotsOut == 4)
    #expect(Set(bench.posted.map(\.id)).count == 4 && Set(bench.posted.map(\.address)).count == 4)
    #expect(bench.posted.allSatisfy { $0.count >= 1024 })
    #expect(bench.buffers.replenish() == 0)
    bench.buffers.close()
  }

  @Test func aBatchIsPublishedWithOneTailAdvance() throws {
    let bench = try Bench()
    bench.buffers.replenish()
    #expect(bench.buffers.statistics.batches == 1 && bench.driver.groups[3]?.tail == 4)
    bench.buffers.close()
  }

  @Test func aViewIsTheMemoryThatTheKernelWrote() throws {
    let bench = try Bench(without: [.incrementalBuffers])
    bench.buffers.replenish()
    let address = try #require(bench.posted.first?.address)
    let view = try #require(bench.receive(pattern(100)))
    #expect(unsafe UInt64(UInt(bitPattern: view.base)) == address)
    #expect(bench.bytes(of: view) == pattern(100))
    view.releaseReader()
    bench.buffers.close()
  }

  @Test func withoutIncrementsEverySlotServesOneCompletion() throws {
    let bench = try Bench(without: [.incrementalBuffers])
    #expect(!bench.buffers.isIncremental && bench.driver.groups[3]?.isIncremental == false)
    bench.buffers.replenish()
    let views = try (0..<4).map { try #require(bench.receive(pattern(10, $0))) }
    #expect(bench.buffers.isEmpty)
    for (number, view) in views.enumerated() { #expect(bench.bytes(of: view) == pattern(10, number)) }
    // The slots are still lent: to the views.
    #expect(bench.arena.statistics.slotsOut == 4)
    for view in views { view.releaseReader() }
    #expect(bench.arena.statistics.slotsOut == 0)
    bench.buffers.close()
  }

  @Test func withIncrementsCompletionsShareASlotUntilItIsFull() throws {
    let bench = try Bench(initialSlots: 1)
    #expect(bench.buffers.isIncremental && bench.driver.groups[3]?.isIncremental == true)
    bench.buffers.replenish()
    let capacity = Int(try #require(bench.posted.first?.count))
    let first = try #require(bench.receive(pattern(100)))
    let second = try #require(bench.receive(pattern(200, 1)))
    #expect(bench.buffers.postedSlots == 1 && first.isFollowed(by: second))
    let last = try #require(bench.receive(pattern(capacity - 300, 2)))
    #expect(second.isFollowed(by: last) && bench.buffers.isEmpty)
    #expect(bench.bytes(of: first) == pattern(100) && bench.bytes(of: second) == pattern(200, 1))
    #expect(bench.bytes(of: last) == pattern(capacity - 300, 2))
    // The slot goes home with the last of them, in any order.
    last.releaseReader()
    first.releaseReader()
    #expect(bench.arena.statistics.slotsOut == 1)
    second.releaseReader()
    #expect(bench.arena.statistics.slotsOut == 0)
    bench.buffers.close()
  }

  @Test func aSlotWhoseReadersAreAllGoneStaysTheKernelsWhileItIsPosted() throws {
    let bench = try Bench(initialSlots: 1)
    bench.buffers.replenish()
    for _ in 0..<3 { try #require(bench.receive(pattern(10))).releaseReader() }
    #expect(bench.arena.statistics.slotsOut == 1 && bench.buffers.postedSlots == 1)
    bench.buffers.close()
    #expect(bench.arena.statistics.slotsOut == 0)
  }

  @Test func completionsOfSeveralSlotsMayBeTakenInAnyOrderOfSlots() throws {
    let bench = try Bench(without: [.incrementalBuffers])
    bench.buffers.replenish()
    for number in 0..<3 { bench.driver.deliver(pattern(10, number), group: 3, userData: UInt64(number)) }
    var completions: [Completion] = []
    while let completion = bench.ring.nextCompletion() { completions.append(completion) }
    for completion in completions.reversed() {
      let view = try #require(bench.buffers.take(completion))
      #expect(bench.bytes(of: view) == pattern(10, Int(completion.userData)))
      view.releaseReader()
    }
    bench.buffers.close()
  }

  @Test func anErrorThatCarriesABufferGivesItsSlotBack() throws {
    let bench = try Bench()
    bench.buffers.replenish()
    try #require(bench.receive(pattern(10))).releaseReader()
    let flags = try #require(bench.consumeHead())
    let error = Completion(userData: 1, result: -Errno.connectionReset.rawValue, flags: flags)
    #expect(bench.buffers.take(error) == nil)
    #expect(bench.buffers.postedSlots == 3 && bench.arena.statistics.slotsOut == 3)
    bench.buffers.close()
  }

  @Test(arguments: [Int32(0), -104])
  func anEndThatLeavesItsBufferWithTheKernelChangesNothing(result: Int32) throws {
    let bench = try Bench(initialSlots: 1)
    bench.buffers.replenish()
    let first = try #require(bench.receive(pattern(10)))
    let flags = SLUICE_CQE_BUFFER | SLUICE_CQE_BUFFER_MORE
    #expect(bench.buffers.take(Completion(userData: 1, result: result, flags: flags)) == nil)
    #expect(bench.buffers.postedSlots == 1)
    let second = try #require(bench.receive(pattern(20)))
    #expect(first.isFollowed(by: second))
    first.releaseReader()
    second.releaseReader()
    bench.buffers.close()
  }

  @Test func aCompletionWithoutABufferIsNothing() throws {
    let bench = try Bench()
    bench.buffers.replenish()
    #expect(bench.buffers.take(Completion(userData: 1, result: 5, flags: 0)) == nil)
    #expect(bench.buffers.take(Completion(userData: 1, result: -105, flags: 0)) == nil)
    #expect(bench.buffers.statistics.rejected == 0 && bench.buffers.postedSlots == 4)
    bench.buffers.close()
  }

  @Test func whatTheKernelCannotMeanIsRejected() throws {
    let bench = try Bench(initialSlots: 1)
    bench.buffers.replenish()
    func completion(id: UInt32, result: Int32) -> Completion {
      Completion(userData: 1, result: result, flags: SLUICE_CQE_BUFFER | id << SLUICE_CQE_BUFFER_SHIFT)
    }
    let capacity = Int32(try #require(bench.posted.first?.count))
    // An id that is not posted, one that does not exist, and more bytes than the slot has.
    #expect(bench.buffers.take(completion(id: 5, result: 1)) == nil)
    #expect(bench.buffers.take(completion(id: 60_000, result: 1)) == nil)
    #expect(bench.buffers.take(completion(id: 0, result: capacity + 1)) == nil)
    #expect(bench.buffers.postedSlots == 1 && bench.buffers.statistics.rejected == 3)
    bench.buffers.close()
  }

  @Test func returnedSlotsArePostedAgainForEver() throws {
    let bench = try Bench(entries: 4, initialSlots: 3, without: [.incrementalBuffers])
    // Far enough that the ring's 16-bit tail wraps.
    for round in 0..<40_000 {
      bench.buffers.replenish()
      let view = try #require(bench.receive([UInt8(truncatingIfNeeded: round)]))
      if round % 9973 == 0 { #expect(bench.bytes(of: view) == [UInt8(truncatingIfNeeded: round)]) }
      let other = try #require(bench.receive([1, 2]))
      other.releaseReader()
      view.releaseReader()
    }
    #expect(bench.buffers.statistics.posted == 2 * 40_000 + 1 && bench.buffers.statistics.rejected == 0)
    #expect(bench.arena.statistics.slotsOut == 1 && bench.arena.statistics.growths == 1)
    bench.buffers.close()
    #expect(bench.arena.statistics.slotsOut == 0)
  }

  @Test func aDryRingDoublesItsTargetOncePerTurnUpToItsBound() throws {
    let bench = try Bench(entries: 8, initialSlots: 2)
    bench.buffers.replenish()
    for _ in 0..<5 { bench.buffers.noteDry() }
    #expect(bench.buffers.targetSlots == 4)
    #expect(bench.buffers.replenish() == 2)
    bench.buffers.noteDry()
    bench.buffers.replenish()
    bench.buffers.noteDry()
    bench.buffers.replenish()
    #expect(bench.buffers.targetSlots == 8 && bench.buffers.postedSlots == 8)
    #expect(bench.buffers.statistics.growths == 2)
    bench.buffers.close()
  }

  @Test func anArenaAtItsLimitGivesWhatItHasAndTheRestLater() throws {
    let bench = try Bench(
      entries: 64,
      initialSlots: 64,
      slotBytes: 4096,
      byteLimit: 65_536,
      without: [.incrementalBuffers]
    )
    let posted = bench.buffers.replenish()
    #expect(posted > 0 && posted <= 16 && bench.buffers.statistics.shortfalls == 1)
    // To want more than there is would be of no use.
    bench.buffers.noteDry()
    #expect(bench.buffers.targetSlots == 64 && bench.buffers.statistics.growths == 0)
    var views = try (0..<posted).map { _ in try #require(bench.receive([1])) }
    #expect(bench.buffers.isEmpty && bench.buffers.replenish() == 0)
    #expect(bench.receive([1]) == nil)
    views.popLast()?.releaseReader()
    #expect(bench.buffers.replenish() == 1)
    for view in views { view.releaseReader() }
    bench.buffers.close()
    #expect(bench.arena.statistics.slotsOut == 0)
  }

  @Test func closingUnregistersAndGivesEverySlotBackButNotThoseThatAreRead() throws {
    let bench = try Bench()
    bench.buffers.replenish()
    let view = try #require(bench.receive(pattern(50)))
    bench.buffers.close()
    bench.buffers.close()
    #expect(bench.driver.groups.isEmpty && bench.buffers.postedSlots == 0)
    #expect(bench.driver.registrations == [SLUICE_REGISTER_PBUF_RING, SLUICE_UNREGISTER_PBUF_RING])
    #expect(bench.arena.statistics.slotsOut == 1 && bench.bytes(of: view) == pattern(50))
    #expect(bench.buffers.replenish() == 0)
    view.releaseReader()
    #expect(bench.arena.statistics.slotsOut == 0)
  }

  /// Arenas of which slots stay lent: reachable, so that the leak sanitizer sees them as kept and not as lost.
  private static let kept = Mutex<[BufferArena]>([])

  @Test func aRingThatIsDroppedUnclosedKeepsItsSlotsLent() throws {
    let arena = try BufferArena()
    Self.kept.withLock { $0.append(arena) }
    let ring = Ring(driver: ScriptedDriver())
    do {
      let buffers = try ProvidedBufferRing(
        ring: ring,
        arena: arena,
        group: 1,
        slotBytes: 1024,
        entries: 4,
        initialSlots: 2
      )
      #expect(buffers.replenish() == 2)
    }
    // Nothing proved that the kernel is done with them: to reuse them could corrupt memory, to keep them costs some.
    #expect(arena.statistics.slotsOut == 2)
  }

  @Test func slotsThatTheArenaKeptForUsAreFreedEvenWhenNoneIsWanted() throws {
    let bench = try Bench(
      entries: 16,
      initialSlots: 16,
      slotBytes: 4096,
      byteLimit: 65_536,
      without: [.incrementalBuffers]
    )
    let posted = bench.buffers.replenish()
    let views = try (0..<posted).map { _ in try #require(bench.receive([1])) }
    bench.arena.whenAvailable(slotBytes: 4096) {}
    for view in views { view.releaseReader() }
    // The arena now keeps one slot for whoever it called.
    bench.buffers.noteReturned()
    bench.buffers.replenish()
    bench.buffers.close()
    var held = try (0..<posted).map { _ in try bench.arena.allocate(minimumCapacity: 4096).finish().detach() }
    #expect(held.count == posted)
    while let view = held.popLast() { view.releaseReader() }
  }

  @Test(arguments: [(0, Errno.invalidArgument), (3, .invalidArgument), (65_536, .invalidArgument)])
  func anImpossibleSizeIsRefused(entries: Int, errno: Errno) throws {
    let arena = try BufferArena()
    let ring = Ring(driver: ScriptedDriver())
    let error = #expect(throws: RingError.self) {
      try ProvidedBufferRing(ring: ring, arena: arena, group: 1, slotBytes: 64, entries: entries, initialSlots: 1)
    }
    #expect(error?.errno == errno)
  }

  @Test(arguments: [
    (Errno.fileExists, RingError.Reason.system(.fileExists)), (.invalidArgument, .kernelTooOld),
  ])
  func aRefusedRegistrationSaysWhy(errno: Errno, reason: RingError.Reason) throws {
    let driver = ScriptedDriver()
    driver.registerResults[SLUICE_REGISTER_PBUF_RING] = -errno.rawValue
    let ring = Ring(driver: driver)
    let arena = try BufferArena()
    let error = #expect(throws: RingError.self) {
      try ProvidedBufferRing(ring: ring, arena: arena, group: 1, slotBytes: 64, entries: 4, initialSlots: 1)
    }
    #expect(error?.reason == reason)
    #expect(arena.statistics.slotsOut == 0)
  }
}
