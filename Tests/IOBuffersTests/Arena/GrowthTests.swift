import IOBuffers
import Testing

@Suite("Growth and trimming")
struct GrowthTests {
  @Test("growing maps another segment and moves nothing")
  func growingMovesNothing() throws {
    let arena = try BufferArena(.small([4096]))
    let first = try arena.buffer(pattern(100))
    let view = try first.readView()
    let address = view.address
    let (buffers, _) = arena.drain(4096)
    #expect(buffers.count == 15)
    // 64 KiB: a sixteenth, then as much as there is each time, up to the segment size of 16 KiB: 4, 4, 8, 16, 16, 16.
    #expect(arena.statistics.growths == 6)
    #expect(arena.statistics.segments == 6)
    #expect(view.address == address)
    #expect(view.array() == pattern(100))
  }

  @Test("the last piece of the limit is used although it is smaller than a segment")
  func smallerLastSegment() throws {
    let arena = try BufferArena(.small([4096], byteLimit: 60 << 10))
    let (buffers, _) = arena.drain(4096)
    #expect(buffers.count == 15)
    #expect(arena.statistics.mappedBytes == 60 << 10)
  }

  @Test("a slot larger than a segment makes the segment larger")
  func slotAboveSegment() throws {
    let arena = try BufferArena(.small([32 << 10], segmentBytes: 4096))
    let (buffers, _) = arena.drain(32 << 10)
    #expect(buffers.count == 2)
  }

  @Test("small requests do not take a small arena away from the other sizes")
  func smallRequestsLeaveRoom() throws {
    let arena = try BufferArena(BufferArena.Configuration(byteLimit: 1 << 20))
    let posted = arena.takeForKernel(slotBytes: 65_536, count: 8)
    #expect(posted.count == 8)
    let replies = try [10, 300, 4000, 16_000].map { Keeper(try arena.allocate(minimumCapacity: $0)) }
    #expect(replies.count == 4)
    for slot in posted { slot.releaseFromKernel() }
  }

  @Test("trim gives idle segments back, and only these")
  func trim() throws {
    let arena = try BufferArena(.small([4096]))
    let (buffers, _) = arena.drain(4096)
    #expect(arena.trim() == 0)
    // Slots of six segments, of 1, 1, 2, 4, 4 and 4 slots, in the order of their loan.
    for buffer in buffers[..<6] { buffer.drop() }
    #expect(arena.trim() == 16 << 10)
    let statistics = arena.statistics
    #expect(statistics.mappedBytes == 48 << 10)
    #expect(statistics.segments == 3)
    #expect(statistics.trims == 3)
    #expect(statistics.slotsOut == 10)
    #expect(statistics.slotsFree == 2)
    for buffer in buffers { buffer.drop() }
    #expect(arena.trim() == 48 << 10)
    #expect(arena.trim() == 0)
    #expect(arena.statistics.mappedBytes == 0)
  }

  @Test("after a trim the arena grows again")
  func growAfterTrim() throws {
    let arena = try BufferArena(.small())
    for round in 0..<20 {
      let small = try arena.buffer(pattern(200, seed: round))
      let large = try arena.buffer(pattern(3000, seed: round))
      #expect(try small.readView().array() == pattern(200, seed: round))
      #expect(try large.readView().array() == pattern(3000, seed: round))
      _ = consume small
      _ = consume large
      #expect(arena.trim() > 0)
      #expect(arena.statistics.segments == 0)
    }
  }

  @Test("statistics add up")
  func statistics() throws {
    let arena = try BufferArena(.small([256, 4096]))
    var kept: [Keeper] = []
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<300 {
      if generator.chance(3, in: 5), let buffer = try? arena.allocate(minimumCapacity: generator.below(4096)) {
        kept.append(Keeper(buffer))
      } else if !kept.isEmpty {
        kept.remove(at: generator.below(kept.count)).drop()
      }
      let statistics = arena.statistics
      #expect(statistics.slotsOut == kept.count)
      #expect(statistics.slotsOut + statistics.slotsFree == statistics.slotsTotal)
      #expect(statistics.byteLimit == 64 << 10)
      #expect(statistics.growths - statistics.trims == statistics.segments)
    }
  }

  @Test("slots are aligned to cache lines, segments to pages")
  func alignment() throws {
    let arena = try BufferArena(.small([100, 1000]))
    for wish in [100, 1000] {
      let (buffers, _) = arena.drain(wish, upTo: 20)
      let addresses = try buffers.compactMap { try $0.address() }
      #expect(addresses.count == 20)
      #expect(addresses.allSatisfy { $0.isMultiple(of: 64) })
      #expect(addresses.contains { $0.isMultiple(of: 4096) })
    }
  }

  @Test("huge pages: asked for, used if granted, never an error unless required")
  func hugePages() throws {
    for wish in [BufferArena.HugePages.advise, .prefer] {
      let arena = try BufferArena(BufferArena.Configuration(segmentBytes: 2 << 20, slotSizes: [4096], hugePages: wish))
      let buffer = try arena.buffer(pattern(1000))
      #expect(try buffer.readView().array() == pattern(1000))
      let statistics = arena.statistics
      #expect([0, statistics.mappedBytes].contains(statistics.hugePageBytes))
    }
    let plain = try BufferArena(BufferArena.Configuration(hugePages: .never))
    _ = try plain.allocate(minimumCapacity: 1)
    #expect(plain.statistics.hugePageBytes == 0)
    // Required ones: all or a clear error.
    do throws(BufferError) {
      let arena = try BufferArena(BufferArena.Configuration(hugePages: .require))
      _ = try arena.allocate(minimumCapacity: 1)
      #expect(arena.statistics.hugePageBytes == arena.statistics.mappedBytes)
    } catch {
      guard case .mapFailed(let errno, let bytes) = error else {
        Issue.record(error)
        return
      }
      #expect(errno != 0)
      #expect(bytes >= 2 << 20)
    }
  }
}
