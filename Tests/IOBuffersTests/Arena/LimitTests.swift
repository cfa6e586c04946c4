import IOBuffers
import Testing

@Suite("Limits")
struct LimitTests {
  @Test("a full arena says what it has, and serves again as soon as something is home")
  func limitReached() throws {
    let arena = try BufferArena(.small([4096]))
    let (buffers, error) = arena.drain(4096)
    #expect(buffers.count == 16)
    #expect(error == .limitReached(requested: 4096, mapped: 65536, limit: 65536))
    buffers[7].drop()
    let again = try arena.allocate(minimumCapacity: 4096)
    #expect(again.capacity == 4096)
    #expect(arena.statistics.slotsOut == 16)
  }

  @Test("the limit holds whatever the sizes", arguments: [4096, 8192, 20_000, 65_536, 100_000, 1 << 20])
  func neverAbove(_ byteLimit: Int) throws {
    let arena = try BufferArena(BufferArena.Configuration(byteLimit: byteLimit))
    var generator = SeededGenerator(seed: UInt64(byteLimit))
    var kept: [Keeper] = []
    for _ in 0..<400 {
      if let buffer = try? arena.allocate(minimumCapacity: generator.below(byteLimit * 5 / 4)) {
        kept.append(Keeper(buffer))
      }
      let statistics = arena.statistics
      #expect(statistics.mappedBytes <= byteLimit)
      #expect(statistics.slotsOut == kept.count)
      if kept.count > 3 { kept.remove(at: generator.below(kept.count)).drop() }
    }
    kept = []
    #expect(arena.statistics.slotsOut == 0)
  }

  @Test("one page is enough to work")
  func onePage() throws {
    let arena = try BufferArena(BufferArena.Configuration(byteLimit: 4096))
    let (buffers, error) = arena.drain(256)
    #expect(buffers.count == 16)
    #expect(error == .limitReached(requested: 256, mapped: 4096, limit: 4096))
  }

  @Test("whatever fits the limit can be had from an empty arena", arguments: [8, 17, 32, 64, 80, 300])
  func everythingThatFits(_ kibibytes: Int) throws {
    let arena = try BufferArena(BufferArena.Configuration(byteLimit: kibibytes << 10))
    for percent in [1, 10, 26, 51, 76, 100] {
      let wish = (kibibytes << 10) * percent / 100 / 4096 * 4096
      let buffer = try arena.allocate(minimumCapacity: wish)
      #expect(buffer.capacity >= wish)
    }
  }

  @Test("idle memory of one size makes room for another")
  func automaticTrim() throws {
    let arena = try BufferArena(.small([256, 16 << 10]))
    let (small, _) = arena.drain(256)
    #expect(small.count == 256)
    #expect(arena.statistics.mappedBytes == 64 << 10)
    for buffer in small { buffer.drop() }
    let large = try arena.allocate(minimumCapacity: 16 << 10)
    #expect(large.capacity == 16 << 10)
    #expect(arena.statistics.trims > 0)
    #expect(arena.statistics.mappedBytes <= 64 << 10)
  }

  @Test("memory that somebody looks at is never taken away")
  func noTrimUnderViews() throws {
    let arena = try BufferArena(.small([256, 16 << 10]))
    let (small, _) = arena.drain(256)
    // One view in each segment pins all four.
    var views: [ViewBox] = []
    for (number, buffer) in small.enumerated() {
      try buffer.fill(7, count: 256)
      if number % 64 == 5, let view = try buffer.readView() { views.append(ViewBox(view)) }
      buffer.drop()
    }
    let error = failure { try arena.allocate(minimumCapacity: 16 << 10) }
    #expect(error == .limitReached(requested: 16 << 10, mapped: 64 << 10, limit: 64 << 10))
    for view in views { #expect(view.array() == [UInt8](repeating: 7, count: 256)) }
    views = []
    #expect(failure { try arena.allocate(minimumCapacity: 16 << 10) } == nil)
  }

  @Test("at the limit a larger slot serves")
  func largerSlotServes() throws {
    let arena = try BufferArena(.small([256, 16 << 10]))
    let (large, _) = arena.drain(16 << 10)
    #expect(large.count == 4)
    large[2].drop()
    // The segment of a large slot is idle now; but trimmed or not, the small wish must be met.
    let small = try arena.allocate(minimumCapacity: 100)
    #expect(small.capacity >= 100)
  }

  @Test("a larger slot of a segment in use serves")
  func largerSlotOfBusySegment() throws {
    let arena = try BufferArena(.small([256, 4096], segmentBytes: 64 << 10))
    let (large, _) = arena.drain(4096)
    #expect(large.count == 16)
    large[3].drop()
    let small = try arena.allocate(minimumCapacity: 100)
    #expect(small.capacity == 4096)
    #expect(failure { try arena.allocate(minimumCapacity: 100) } != nil)
  }

  @Test("a request above all sizes gets memory of its own, which goes when it comes home")
  func dedicatedSegment() throws {
    let arena = try BufferArena(.small([256], byteLimit: 1 << 20))
    let buffer = Keeper(try arena.allocate(minimumCapacity: 300_000))
    #expect(arena.statistics.mappedBytes >= 300_000)
    buffer.drop()
    #expect(arena.statistics.mappedBytes == 0)
    #expect(arena.statistics.segments == 0)
  }

  @Test("a large request that came home makes room for the next, again and again")
  func largeAgainAndAgain() throws {
    let arena = try BufferArena(.small([256], byteLimit: 1 << 20))
    for round in 0..<5 {
      let error = failure { try arena.allocate(minimumCapacity: 700_000) }
      #expect(error == nil, "round \(round)")
    }
  }

  @Test("a small request finds the room that a large one left")
  func smallAfterLarge() throws {
    let arena = try BufferArena(.small([256]))
    for round in 0..<3 {
      #expect(failure { try arena.allocate(minimumCapacity: 64 << 10) } == nil, "round \(round)")
      let (buffers, _) = arena.drain(256)
      #expect(buffers.count == 256, "round \(round)")
    }
  }

  @Test("more than a buffer can ever have")
  func tooLarge() throws {
    let arena = try BufferArena(BufferArena.Configuration(byteLimit: 1 << 40))
    let wish = BufferArena.largestBuffer + 1
    let error = BufferError.tooLarge(requested: wish, limit: BufferArena.largestBuffer)
    #expect(failure { try arena.allocate(minimumCapacity: wish) } == error)
    #expect(failure { try arena.allocate(minimumCapacity: .max) } == .tooLarge(requested: .max, limit: Int(UInt32.max)))
    var buffer = try arena.allocate(minimumCapacity: 1)
    try buffer.append(contentsOf: [1, 2, 3])
    #expect(failure { try buffer.resize(to: wish) } == error)
    #expect(failure { try buffer.reserve(wish) } == error)
    #expect(try buffer.readView().array() == [1, 2, 3])
  }

  @Test("less than nothing is refused, and changes nothing", arguments: [-1, -4096, Int.min])
  func negative(_ size: Int) async throws {
    let arena = try BufferArena(.small())
    let error = BufferError.negativeSize(size)
    #expect(failure { try arena.allocate(minimumCapacity: size) } == error)
    #expect(await failure { try await arena.allocateWhenAvailable(minimumCapacity: size) } == error)
    #expect(arena.statistics.mappedBytes == 0)
    var buffer = try arena.buffer([1, 2, 3])
    #expect(failure { try buffer.reserve(size) } == error)
    #expect(failure { try buffer.resize(to: size) } == error)
    let view = Locker(try buffer.readView())
    #expect(failure { try buffer.reserve(size) } == error)
    // Said at once, and not after a wait for the view.
    let releaser = Task {
      for _ in 0..<1000 { await Task.yield() }
      view.empty()
    }
    do throws(BufferError) {
      try await buffer.resizeWhenUnlocked(to: size)
    } catch {
      #expect(error == .negativeSize(size))
      #expect(!view.isEmpty)
    }
    await releaser.value
    #expect(buffer.count == 3)
    #expect(error.description == "a buffer cannot have \(size) bytes")
  }

  @Test("more than the limit can never be had")
  func aboveLimit() throws {
    let arena = try BufferArena(.small())
    let error = failure { try arena.allocate(minimumCapacity: 70_000) }
    #expect(error == .limitReached(requested: 70_000, mapped: 0, limit: 64 << 10))
    #expect(arena.statistics.mappedBytes == 0)
  }

  @Test("strange configurations are brought into range", arguments: [-5, 0, 1])
  func strangeConfigurations(_ number: Int) throws {
    let arena = try BufferArena(
      BufferArena.Configuration(byteLimit: number, segmentBytes: number, slotSizes: [number, 100, 100, -number])
    )
    let buffer = try arena.buffer([1, 2, 3])
    #expect(buffer.capacity >= 3)
    let bare = try BufferArena(BufferArena.Configuration(slotSizes: []))
    let large = try bare.buffer([4, 5, 6])
    #expect(try large.readView().array() == [4, 5, 6])
    #expect(failure { try bare.allocate(minimumCapacity: 0) } == nil)
  }

  @Test("a failed request changes nothing")
  func failureChangesNothing() throws {
    let arena = try BufferArena(.small([4096]))
    let (buffers, _) = arena.drain(4096)
    let before = arena.statistics
    for _ in 0..<3 { _ = failure { try arena.allocate(minimumCapacity: 4096) } }
    #expect(arena.statistics == before)
    #expect(buffers.count == before.slotsOut)
  }
}
