import IOBuffers
import Testing

@Suite("Reading and writing through views")
struct AccessTests {
  @Test("integers in both orders, unaligned")
  func integers() throws {
    let arena = try BufferArena(.small())
    let buffer = try arena.buffer([0, 1, 2, 3, 4, 5, 6, 7, 8, 255, 254])
    let view = try buffer.readView()
    #expect(try view.load(at: 1, as: UInt8.self) == 1)
    #expect(try view.load(at: 1, as: UInt16.self) == 0x0102)
    #expect(try view.load(at: 1, as: UInt16.self, .little) == 0x0201)
    #expect(try view.load(at: 1, as: UInt32.self, .big) == 0x0102_0304)
    #expect(try view.load(at: 1, as: UInt64.self) == 0x0102_0304_0506_0708)
    #expect(try view.load(at: 1, as: UInt64.self, .little) == 0x0807_0605_0403_0201)
    #expect(try view.load(at: 9, as: Int8.self) == -1)
    #expect(try view.load(at: 9, as: Int16.self) == -2)
    let inferred: UInt32 = try view.load(at: 0)
    #expect(inferred == 0x0001_0203)
  }

  @Test("what is stored is loaded", arguments: [Endianness.big, .little])
  func roundTrip(_ order: Endianness) throws {
    let arena = try BufferArena(.small())
    var buffer = try arena.allocate(minimumCapacity: 64)
    try buffer.resize(to: 64)
    var writer = try buffer.writeView(of: 1..<64)
    try writer.store(Int64.min + 5, at: 0, order)
    try writer.store(UInt16.max - 1, at: 9, order)
    try writer.store(UInt128.max / 3, at: 13, order)
    try unsafe writer.store(([7, 8, 9] as [UInt8]).span.bytes, at: 60)
    writer[59] = 5
    #expect(writer[59] == 5)
    let view = writer.freeze()
    #expect(try view.load(at: 0, as: Int64.self, order) == .min + 5)
    #expect(try view.load(at: 9, as: UInt16.self, order) == .max - 1)
    #expect(try view.load(at: 13, as: UInt128.self, order) == .max / 3)
    #expect(try view.slice(59..<63).array() == [5, 7, 8, 9])
  }

  @Test("no integer and no bytes beyond the end, nothing before the start")
  func bounds() throws {
    let arena = try BufferArena(.small([256]))
    let buffer = try arena.buffer(pattern(10))
    var writer = try buffer.writeView(of: 2..<8)
    for offset in [-1, 3, 6, 7, Int.min, Int.max, Int.max - 2] {
      #expect(isOutOfBounds(failure { try writer.store(0 as UInt32, at: offset) }), "\(offset)")
      #expect(isOutOfBounds(failure { try unsafe writer.store(pattern(4).span.bytes, at: offset) }), "\(offset)")
    }
    #expect(failure { try unsafe writer.store(pattern(0).span.bytes, at: 6) } == nil)
    #expect(isOutOfBounds(failure { try unsafe writer.store(pattern(0).span.bytes, at: 7) }))
    #expect(isOutOfBounds(failure { try unsafe writer.store(pattern(7).span.bytes, at: 0) }))
    writer.release()
    let view = try buffer.readView(of: 2..<8)
    for offset in [-1, 3, 6, 7, Int.min, Int.max, Int.max - 2] {
      #expect(isOutOfBounds(failure { try view.load(at: offset, as: UInt32.self) }), "\(offset)")
    }
    #expect(failure { try view.load(at: 3, as: UInt32.self) } == .outOfBounds(range: 3..<7, count: 6))
    #expect(failure { try view.load(at: 2, as: UInt32.self) } == nil)
    #expect(isOutOfBounds(failure { try view.load(at: 0, as: UInt64.self) }))
    #expect(try buffer.readView().array() == pattern(10))
    let empty = try buffer.readView(of: 3..<3)
    #expect(failure { try empty.load(at: 0, as: UInt8.self) } != nil)
  }

  @Test("the subscripts check their bounds")
  func subscripts() async {
    await #expect(processExitsWith: .failure) {
      let view = try BufferArena(.small()).buffer(pattern(3)).finish()
      print(view[3])
    }
    await #expect(processExitsWith: .failure) {
      let view = try BufferArena(.small()).buffer(pattern(3)).finish()
      print(view[-1])
    }
    await #expect(processExitsWith: .failure) {
      let buffer = try BufferArena(.small()).buffer(pattern(3))
      var view = try buffer.writeView()
      view[3] = 1
    }
    await #expect(processExitsWith: .success) {
      let buffer = try BufferArena(.small()).buffer(pattern(3))
      var view = try buffer.writeView()
      view[2] = 1
      try #require(view[2] == 1)
    }
  }

  @Test("spans and closures see the same bytes")
  func spans() throws {
    let arena = try BufferArena(.small())
    var buffer = try arena.allocate(minimumCapacity: 8)
    try buffer.resize(to: 8)
    var writer = try buffer.writeView()
    try writer.store(0x0102 as UInt16, at: 0, .little)
    let length = writer.withBytes { $0.byteCount }
    #expect(length == 8)
    do {
      var span = unsafe writer.unsafeMutableBytes
      span.storeBytes(of: 9, toByteOffset: 7, as: UInt8.self)
    }
    #expect(writer.bytes.byteCount == 8)
    #expect(writer.array().last == 9)
    writer.release()
    let view = try buffer.readView()
    #expect(unsafe UInt16(littleEndian: view.bytes.unsafeLoad(as: UInt16.self)) == 0x0102)
    #expect(view.withBytes { $0.array } == view.array())
    struct Surprise: Error {}
    #expect(throws: Surprise.self) { try view.withBytes { _ in throw Surprise() } }
    #expect(failure { try buffer.writeView() } == .locked(LockReport(readers: 1, writers: 0)))
  }

  @Test("filling writes the range, and nothing outside of it")
  func fill() throws {
    let arena = try BufferArena(.small())
    let buffer = try arena.buffer(pattern(6))
    var writer = try buffer.writeView()
    try writer.fill(2..<4, with: 200)
    try writer.fill(6..<6, with: 201)
    #expect(writer.array() == Array(pattern(6)[..<2]) + [200, 200] + Array(pattern(6)[4...]))
    for range in [-1..<2, 5..<7, 7..<7] {
      #expect(failure { try writer.fill(range, with: 1) } == .outOfBounds(range: range, count: 6))
    }
    var part = try writer.split(at: 3)
    try part.fill(0..<3, with: 9)
    #expect(writer.array() == Array(pattern(6)[..<2]) + [200])
    #expect(part.array() == [9, 9, 9])
  }

  private func isOutOfBounds(_ error: BufferError?) -> Bool {
    guard case .outOfBounds(_, count: 6) = error else { return false }
    return true
  }
}
