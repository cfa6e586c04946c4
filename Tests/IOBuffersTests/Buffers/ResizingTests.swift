import IOBuffers
import Testing

@Suite("Resizing")
struct ResizingTests {
  @Test("grows with zeros and shrinks, in place and by moving")
  func growAndShrink() throws {
    let arena = try BufferArena(.small([256, 1024, 4096]))
    var buffer = try arena.buffer(pattern(100))
    let sizes = [200, 256, 257, 90, 1024, 3000, 4096, 5, 0, 256]
    var expected = pattern(100)
    for size in sizes {
      try buffer.resize(to: size)
      expected = Array(expected.prefix(size)) + [UInt8](repeating: 0, count: max(0, size - expected.count))
      #expect(buffer.count == size)
      #expect(buffer.capacity >= size)
      #expect(try buffer.readView().array() == expected)
    }
    #expect(arena.statistics.slotsOut == 1)
    #expect(arena.statistics.moves == 2)
    #expect(arena.statistics.movedBytes == 256 + 1024)
  }

  @Test("within the capacity nothing moves")
  func inPlace() throws {
    let arena = try BufferArena(.small([4096]))
    var buffer = try arena.buffer(pattern(10))
    let address = try buffer.readView().address
    try buffer.resize(to: 4096)
    #expect(try buffer.readView().address == address)
    #expect(arena.statistics.moves == 0)
  }

  @Test("a reader, a writer, a slice, a posted reader: each refuses every change of the size")
  func lockedByAnyView() throws {
    let arena = try BufferArena(.small())
    var buffer = try arena.buffer(pattern(10))
    func refused(_ readers: Int, _ writers: Int) {
      let expected = BufferError.locked(LockReport(readers: readers, writers: writers))
      #expect(failure { try buffer.resize(to: 20) } == expected)
      #expect(failure { try buffer.resize(to: 5) } == expected)
      #expect(failure { try buffer.resize(to: 10) } == expected)
      #expect(failure { try buffer.resize(to: 9000) } == expected)
      #expect(failure { try buffer.reserve(9000) } == expected)
      #expect(failure { try buffer.append(1 as UInt8) } == expected)
      #expect(failure { try buffer.append(contentsOf: [1, 2]) } == expected)
      let pieces = sequence(first: 1 as UInt8) { $0 < 9 ? $0 + 1 : nil }
      #expect(failure { try buffer.append(contentsOf: pieces) } == expected)
      #expect(failure { try unsafe buffer.append(pattern(3).span.bytes) } == expected)
      #expect(failure { try buffer.append(utf8: "text") } == expected)
      #expect(failure { try buffer.append(utf8: String("text")) } == expected)
      #expect(failure { try buffer.removeAll() } == expected)
      #expect(buffer.count == 10)
    }
    let reader = try buffer.readView()
    refused(1, 0)
    let slice = try reader.slice(3..<4)
    refused(2, 0)
    reader.release()
    refused(1, 0)
    slice.release()
    let writer = try buffer.writeView(of: 0..<1)
    refused(0, 1)
    let frozen = writer.freeze()
    refused(1, 0)
    let detached = frozen.detach()
    refused(1, 0)
    detached.releaseReader()
    #expect(try buffer.readView().array() == pattern(10))
    #expect(failure { try buffer.resize(to: 20) } == nil)
  }

  @Test("an empty view locks like any other")
  func emptyViewLocks() throws {
    let arena = try BufferArena(.small())
    var buffer = try arena.buffer(pattern(10))
    let view = try buffer.readView(of: 4..<4)
    #expect(failure { try buffer.resize(to: 11) } == .locked(LockReport(readers: 1, writers: 0)))
    #expect(failure { try buffer.writeView() } == .locked(LockReport(readers: 1, writers: 0)))
    view.release()
    try buffer.resize(to: 11)
  }

  @Test("a negative size is refused")
  func negative() throws {
    let arena = try BufferArena(.small())
    var buffer = try arena.buffer(pattern(10))
    #expect(failure { try buffer.resize(to: -1) } == .negativeSize(-1))
    #expect(failure { try buffer.reserve(-7) } == .negativeSize(-7))
    #expect(try buffer.readView().array() == pattern(10))
  }

  @Test("growth that the limit refuses changes nothing")
  func refusedGrowth() throws {
    let arena = try BufferArena(.small([256, 4096], byteLimit: 16 << 10))
    var buffer = try arena.buffer(pattern(256))
    let error = failure { try buffer.resize(to: 60_000) }
    guard case .limitReached(requested: 60_000, mapped: _, limit: 16384) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(buffer.count == 256)
    #expect(try buffer.readView().array() == pattern(256))
    #expect(failure { try buffer.append(contentsOf: [UInt8](repeating: 1, count: 60_000)) } != nil)
    #expect(buffer.count == 256)
    try buffer.resize(to: 4096)
    #expect(try buffer.readView().array().prefix(256) == pattern(256)[...])
  }

  @Test("reserve keeps the bytes, and what is reserved does not move again")
  func reserve() throws {
    let arena = try BufferArena(.small([256, 4096]))
    var buffer = try arena.buffer(pattern(10))
    try buffer.reserve(4000)
    #expect(buffer.count == 10)
    #expect(buffer.capacity == 4096)
    let moves = arena.statistics.moves
    try buffer.resize(to: 4000)
    #expect(arena.statistics.moves == moves)
    try buffer.reserve(0)
    #expect(buffer.capacity == 4096)
  }

  @Test("removeAll forgets the bytes and keeps the room")
  func removeAll() throws {
    let arena = try BufferArena(.small([256, 4096]))
    var buffer = try arena.buffer(pattern(3000))
    try buffer.removeAll()
    #expect(buffer.count == 0)
    #expect(buffer.capacity == 4096)
    try buffer.resize(to: 10)
    #expect(try buffer.readView().array() == [UInt8](repeating: 0, count: 10))
  }

  @Test("moving gives the old slot back")
  func moveReturnsSlot() throws {
    let arena = try BufferArena(.small([256, 4096]))
    var buffer = try arena.buffer(pattern(256))
    let old = try buffer.readView().address
    try buffer.resize(to: 257)
    #expect(arena.statistics.slotsOut == 1)
    let next = try arena.buffer([1])
    #expect(try next.readView().address == old)
  }

  @Test("a buffer of memory of its own grows further", arguments: [300_000, 900_000])
  func dedicated(_ size: Int) throws {
    let arena = try BufferArena(.small([256], byteLimit: 4 << 20))
    var buffer = try arena.buffer(pattern(100_000))
    try buffer.resize(to: size)
    #expect(try buffer.readView(of: 0..<100_000).array() == pattern(100_000))
    #expect(arena.statistics.segments == 1)
    try buffer.resize(to: 10)
    #expect(try buffer.readView().array() == pattern(10))
  }
}
