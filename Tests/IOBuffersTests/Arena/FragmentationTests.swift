import IOBuffers
import Testing

/// A few buffers that lie spread over an arena must not keep it from serving other sizes.
@Suite("Spread buffers", .timeLimit(.minutes(10)))
struct FragmentationTests {
  /// An arena of 64 KiB, full of slots of 256 bytes in four segments of equal size, of which some are kept.
  private struct Spread {
    let arena: BufferArena
    var kept: [Keeper]

    /// Keeps each slot whose place in the order of the loans `isKept` admits.
    init(keeping isKept: (Int) -> Bool) throws {
      arena = try BufferArena(.small([256, 16 << 10]))
      let (buffers, _) = arena.drain(256)
      #expect(buffers.count == 256)
      kept = buffers.indices.filter(isKept).map { buffers[$0] }
      // The others go in an order that has the segments take turns.
      for first in 0..<16 {
        for place in stride(from: first, to: 256, by: 16) where !isKept(place) { buffers[place].drop() }
      }
    }
  }

  @Test("as buffers come and go, those that are there move together, and other sizes are served")
  func turnover() throws {
    var spread = try Spread { $0 % 16 == 3 }
    #expect(spread.kept.count == 16)
    let arena = spread.arena
    #expect(failure { try arena.allocate(minimumCapacity: 16 << 10) } != nil)
    // Each buffer is replaced by another one: what is used is the same all the time.
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<200 {
      let place = generator.below(spread.kept.count)
      spread.kept[place].drop()
      spread.kept[place] = Keeper(try arena.buffer([1]))
    }
    let large = try arena.allocate(minimumCapacity: 16 << 10)
    #expect(large.capacity == 16 << 10)
    #expect(arena.statistics.slotsOut == 17)
  }

  @Test("a segment that is in use anyway is lent from before one that is idle")
  func idleIsLast() throws {
    // Segments of 16, 16, 32, 64, 64 and 64 slots: the last two have a buffer each, the others none.
    let spread = try Spread { [150, 250].contains($0) }
    let more = try (0..<40).map { _ in Keeper(try spread.arena.buffer([1])) }
    #expect(spread.arena.trim() == 32 << 10)
    #expect(spread.arena.statistics.segments == 2)
    #expect(more.count + spread.kept.count == spread.arena.statistics.slotsOut)
  }

  @Test("of segments in use, the fullest is lent from first", arguments: [0, 1, 2])
  func fullestFirst(_ fullest: Int) throws {
    // Segments of 16, 16, 32, 64, 64 and 64 slots: of the last three one is nearly full, and two are nearly empty.
    let spread = try Spread { place in
      guard place >= 64 else { return false }
      return (place - 64) / 64 == fullest ? place % 8 != 0 : place % 64 == 7
    }
    spread.arena.trim()
    #expect(spread.arena.statistics.segments == 3)
    #expect(spread.kept.count == 58)
    // What comes now fits into the gaps of the fullest one.
    let more = try (0..<8).map { _ in Keeper(try spread.arena.buffer([1])) }
    // The two go that were alone in their segments.
    let alone = [0, 1, 2].filter { $0 != fullest }.map { $0 < fullest ? $0 : 55 + $0 }
    for place in alone { spread.kept[place].drop() }
    #expect(spread.arena.trim() == 32 << 10)
    #expect(spread.arena.statistics.segments == 1)
    #expect(more.count == 8)
  }

  @Test("whatever comes and goes, no slot is lent twice and none is lost", arguments: [1, 2, 3])
  func accounting(_ seed: UInt64) throws {
    let arena = try BufferArena(.small([256, 1024, 4096], byteLimit: 256 << 10))
    var generator = SeededGenerator(seed: seed)
    var kept: [(buffer: Keeper, address: UInt)] = []
    for _ in 0..<Settings.repetitions(5000) {
      let wish = [200, 1000, 4000][generator.below(3)]
      if generator.chance(11, in: 20), let buffer = try? arena.buffer(pattern(wish)) {
        let keeper = Keeper(buffer)
        kept.append((keeper, try #require(try keeper.address())))
      } else if !kept.isEmpty {
        kept.remove(at: generator.below(kept.count)).buffer.drop()
      }
      if generator.chance(1, in: 50) { arena.trim() }
      if generator.chance(1, in: 200) { kept = [] }
    }
    #expect(Set(kept.map(\.address)).count == kept.count)
    for (buffer, _) in kept {
      let bytes = try #require(try buffer.array())
      #expect(bytes == pattern(bytes.count))
    }
    let statistics = arena.statistics
    #expect(statistics.slotsOut == kept.count)
    #expect(statistics.slotsOut + statistics.slotsFree == statistics.slotsTotal)
    kept = []
    // All of it can be had again, in one size.
    #expect(arena.drain(4096).buffers.count == 64)
  }
}
