import IOBuffers
import Testing

@Suite("Allocation")
struct AllocationTests {
  @Test(
    "a buffer is empty and has the room that was asked for",
    arguments: [0, 1, 255, 256, 257, 4096, 5000, 16 << 10]
  )
  func capacity(_ wish: Int) throws {
    let arena = try BufferArena(.small())
    let buffer = try arena.allocate(minimumCapacity: wish)
    #expect(buffer.count == 0)
    #expect(buffer.isEmpty == true)
    #expect(buffer.capacity >= wish)
    #expect(arena.statistics.slotsOut == 1)
  }

  @Test("nothing is mapped before the first buffer")
  func lazyMapping() throws {
    let arena = try BufferArena(.small())
    #expect(arena.statistics.mappedBytes == 0)
    #expect(arena.statistics.segments == 0)
    _ = try arena.allocate(minimumCapacity: 1)
    #expect(arena.statistics.mappedBytes > 0)
    #expect(arena.statistics.growths == 1)
  }

  @Test("the smallest size that fits serves")
  func bestFit() throws {
    let arena = try BufferArena(.small([256, 1024, 4096]))
    let sizes = [(1, 256), (256, 256), (257, 1024), (1024, 1024), (1025, 4096)]
    for (wish, capacity) in sizes {
      let buffer = try arena.allocate(minimumCapacity: wish)
      #expect(buffer.capacity == capacity, "\(wish) bytes")
    }
  }

  @Test("bytes are copied in, and only then differ from their source")
  func copying() throws {
    let arena = try BufferArena(.small())
    var source = pattern(300)
    let buffer = try arena.buffer(source)
    source[0] = 0
    #expect(buffer.count == 300)
    let view = try buffer.readView()
    #expect(view.array() == pattern(300))
  }

  @Test("no two buffers share a byte")
  func disjoint() throws {
    let arena = try BufferArena(.small([256]))
    let (buffers, error) = arena.drain(256)
    guard case .limitReached = error else {
      Issue.record("ended with \(String(describing: error))")
      return
    }
    // All of them are full of their own number, then looked at again.
    let owners = buffers
    for (number, owner) in owners.enumerated() {
      try owner.fill(UInt8(truncatingIfNeeded: number), count: 256)
    }
    for (number, owner) in owners.enumerated() {
      #expect(try owner.array() == [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 256))
    }
    #expect(owners.count == 256)
  }

  @Test("of a segment, the slot that came home last is lent first")
  func lastInFirstOut() throws {
    let arena = try BufferArena(.small([256]))
    let buffers = [Keeper(try arena.buffer([1])), Keeper(try arena.buffer([2])), Keeper(try arena.buffer([3]))]
    let addresses = try buffers.map { try $0.address() }
    #expect(Set(addresses).count == 3)
    buffers[0].drop()
    buffers[2].drop()
    buffers[1].drop()
    // Each as a fresh loan: 1 came home last, then 2, then 0.
    let again = [Keeper(try arena.buffer([4])), Keeper(try arena.buffer([5])), Keeper(try arena.buffer([6]))]
    #expect(try again.map { try $0.address() } == [addresses[1], addresses[2], addresses[0]])
  }

  @Test("memory of an earlier life is never visible as content")
  func zeroFill() throws {
    let arena = try BufferArena(.small([4096]))
    for round in 0..<4 {
      var buffer = try arena.allocate(minimumCapacity: 4096)
      try buffer.resize(to: 4096)
      let view = try buffer.readView()
      #expect(view.array().allSatisfy { $0 == 0 }, "round \(round)")
      view.release()
      let writer = try buffer.writeView()
      let box = ViewBox(writer)
      for offset in 0..<4096 { _ = try box.store(0xEE, at: offset) }
    }
    #expect(arena.statistics.growths == 1)
  }
}
