import IOBuffers
import Testing

@Suite("Appending")
struct AppendingTests {
  @Test("every kind of append, byte for byte")
  func kinds() throws {
    let arena = try BufferArena(.small([64, 256, 4096]))
    var buffer = try arena.allocate(minimumCapacity: 0)
    try unsafe buffer.append(([1, 2] as [UInt8]).span.bytes)
    try buffer.append(contentsOf: [3, 4])
    try buffer.append(contentsOf: [9, 9, 5, 6, 9][2..<4])
    try buffer.append(contentsOf: sequence(first: 7 as UInt8) { $0 < 9 ? $0 + 1 : nil })
    try buffer.append(utf8: "é")
    try buffer.append(utf8: String(repeating: "a", count: 3))
    try buffer.append(utf8: "xyz".dropFirst())
    try buffer.append(0x0102 as UInt16)
    try buffer.append(0x0102 as UInt16, as: .little)
    try buffer.append(-2 as Int32)
    try buffer.append(0x0102_0304_0506_0708 as UInt64, as: .little)
    try buffer.append(255 as UInt8, as: .little)
    let expected: [UInt8] =
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 0xC3, 0xA9, 97, 97, 97, 121, 122] + [1, 2, 2, 1, 255, 255, 255, 254]
      + [8, 7, 6, 5, 4, 3, 2, 1, 255]
    let bytes = try buffer.readView().array()
    #expect(bytes == expected)
  }

  @Test("a static string of one scalar has no pointer, and is appended all the same")
  func scalarStaticString() throws {
    let arena = try BufferArena(.small())
    var buffer = try arena.allocate(minimumCapacity: 0)
    let scalar = StaticString(unicodeScalarLiteral: "€")
    try buffer.append(utf8: scalar)
    try buffer.append(utf8: StaticString(""))
    #expect(try buffer.readView().array() == [0xE2, 0x82, 0xAC])
  }

  @Test("nothing is something too")
  func empties() throws {
    let arena = try BufferArena(.small())
    var buffer = try arena.allocate(minimumCapacity: 0)
    try unsafe buffer.append([UInt8]().span.bytes)
    try buffer.append(contentsOf: [UInt8]())
    try buffer.append(contentsOf: EmptyCollection<UInt8>())
    try buffer.append(utf8: String())
    #expect(buffer.count == 0)
    let view = try buffer.readView()
    #expect(view.isEmpty == true)
    #expect(view.array() == [])
  }

  @Test("many small appends move seldom and lose nothing")
  func manySmall() throws {
    let arena = try BufferArena(BufferArena.Configuration())
    var buffer = try arena.allocate(minimumCapacity: 0)
    var expected: [UInt8] = []
    for number in 0..<20_000 {
      let byte = UInt8(truncatingIfNeeded: number ^ number >> 7)
      try buffer.append(byte)
      expected.append(byte)
    }
    #expect(try buffer.readView().array() == expected)
    // 256, 1 Ki, 4 Ki, 16 Ki, 64 Ki.
    #expect(arena.statistics.moves == 4)
    #expect(arena.statistics.slotsOut == 1)
  }

  @Test("without size classes, small appends still move seldom")
  func amortizedWithoutClasses() throws {
    let arena = try BufferArena(.small([64], byteLimit: 16 << 20))
    var buffer = try arena.allocate(minimumCapacity: 0)
    for number in 0..<200_000 { try buffer.append(UInt8(truncatingIfNeeded: number)) }
    #expect(arena.statistics.moves < 20)
    let view = try buffer.readView()
    #expect(view[199_999] == UInt8(truncatingIfNeeded: 199_999))
  }

  @Test("at the limit an append takes what it needs instead of twice as much")
  func limitedGenerosity() throws {
    let arena = try BufferArena(.small([1024], byteLimit: 58 << 10, segmentBytes: 4096))
    var buffer = try arena.buffer(pattern(20_000))
    // Beside the 20 KiB that move, 36 KiB fit; twice as much as before, 40 KiB, do not.
    try buffer.append(contentsOf: pattern(16_000, seed: 1))
    #expect(try buffer.readView().array() == pattern(20_000) + pattern(16_000, seed: 1))
  }

  @Test("an append of many pieces that fails halfway leaves nothing behind")
  func failedHalfway() throws {
    let arena = try BufferArena(.small([256], byteLimit: 4096))
    var buffer = try arena.buffer(pattern(200))
    // Not contiguous, so byte after byte is written, until there is no larger slot.
    let endless = sequence(first: 1 as UInt8) { $0 }
    let error = failure { try buffer.append(contentsOf: endless) }
    guard case .limitReached = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(buffer.count == 200)
    #expect(try buffer.readView().array() == pattern(200))
  }

  @Test("finish turns the owner into a reader")
  func finish() throws {
    let arena = try BufferArena(.small())
    var buffer = try arena.buffer(pattern(10))
    try buffer.append(11 as UInt8)
    let view = try buffer.finish()
    #expect(view.array() == pattern(10) + [11])
    #expect(arena.statistics.slotsOut == 1)
    view.release()
    #expect(arena.statistics.slotsOut == 0)
  }

  @Test("finish beside readers is fine, beside a writer it fails, and the owner is gone either way")
  func finishLocked() throws {
    let arena = try BufferArena(.small())
    let first = try arena.buffer(pattern(10))
    let reader = try first.readView(of: 2..<4)
    let finished = try first.finish()
    #expect(finished.count == 10)
    #expect(reader.array() == Array(pattern(10)[2..<4]))
    finished.release()
    #expect(arena.statistics.slotsOut == 1)
    reader.release()
    #expect(arena.statistics.slotsOut == 0)

    let second = try arena.buffer(pattern(10))
    let writer = try second.writeView(of: 0..<1)
    let place = Locker(second)
    #expect(failure { try place.take()?.finish() } == .locked(LockReport(readers: 0, writers: 1)))
    #expect(arena.statistics.slotsOut == 1)
    writer.release()
    #expect(arena.statistics.slotsOut == 0)
  }
}
