import IOBuffers
import Testing

@Suite("Output that is written in chunks")
struct OutputBytesTests {
  private let arena: BufferArena

  init() throws {
    arena = try BufferArena(.small([64, 256, 4096], byteLimit: 1 << 20, diagnostics: .counts))
  }

  @Test("an empty output holds no memory")
  func empty() throws {
    var output = OutputBytes(arena: arena)
    #expect(output.isEmpty == true)
    #expect(output.finish().isEmpty == true)
    try output.append([UInt8]())
    try output.append("")
    try output.append("" as String)
    try output.reserve(0)
    #expect(arena.statistics.slotsOut == 0)
  }

  @Test("a small reply is one view of one slot")
  func smallReply() throws {
    var output = OutputBytes(arena: arena)
    try output.append("HTTP/1.1 200 OK\r\nContent-Length: ")
    try output.append(decimal: 5)
    try output.append("\r\n\r\n" as StaticString)
    try output.append("hello" as String)
    #expect(output.count == 43)
    let reply = output.finish()
    #expect(reply.viewCount == 1)
    #expect(reply.text() == "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    #expect(arena.statistics.slotsOut == 1)
    #expect(arena.statistics.writersOut == 0)
    #expect(output.isEmpty == true)
  }

  @Test("everything that can be appended, at every place of a chunk")
  func everything() throws {
    for lead in 0...70 {
      var output = OutputBytes(arena: arena, chunkBytes: 64)
      var expected = pattern(lead)
      try output.append(repeating: 9, count: 0)
      try unsafe output.append(expected.span.bytes)
      try output.append(0x0102_0304 as UInt32)
      try output.append(0x0102_0304 as UInt32, as: .little)
      expected += [1, 2, 3, 4, 4, 3, 2, 1]
      try output.append([5, 6, 7])
      try output.append((0..<5).lazy.map { UInt8($0) })
      expected += [5, 6, 7, 0, 1, 2, 3, 4]
      try output.append("é€" as StaticString)
      try output.append("x𝄞y".dropFirst())
      expected += Array("é€𝄞y".utf8)
      try output.append(repeating: 0xEE, count: 100)
      expected += [UInt8](repeating: 0xEE, count: 100)
      try output.append(decimal: -120)
      try output.append(hexadecimal: 255, minimumDigits: 4)
      expected += Array("-12000ff".utf8)
      #expect(output.count == expected.count)
      #expect(output.finish().bytes() == expected)
      #expect(output.isEmpty == true)
    }
    #expect(arena.isComplete)
  }

  @Test("a full chunk is followed by another, not copied: no byte moves")
  func chunks() throws {
    var output = OutputBytes(arena: arena, chunkBytes: 64)
    for number in 0..<100 { try output.append(UInt16(number)) }
    let bytes = output.finish()
    #expect(bytes.viewCount == 4)
    #expect(arena.statistics.moves == 0)
    #expect(bytes.bytes() == (0..<100).flatMap { [0, UInt8($0)] })
  }

  @Test("views are passed through in their place, without a copy")
  func views() throws {
    var output = OutputBytes(arena: arena, chunkBytes: 4096)
    try output.append("before ")
    let view = try arena.buffer(pattern(300)).finish()
    let address = view.address
    output.append(view)
    try output.append(" after")
    #expect(output.count == 313)
    var bytes = output.finish()
    #expect(bytes.bytes() == Array("before ".utf8) + pattern(300) + Array(" after".utf8))
    #expect(bytes.viewCount == 3)
    // Both of what was written are in one slot.
    #expect(arena.statistics.slotsOut == 2)
    _ = bytes.popFirst()
    #expect(bytes.popFirst()?.address == address)
  }

  @Test("a small view behind written bytes is copied and released; one that comes first is not")
  func smallViews() throws {
    var output = OutputBytes(arena: arena)
    let first = try arena.buffer([1, 2]).finish()
    let address = first.address
    output.append(first)
    try output.append([3])
    output.append(try arena.buffer(pattern(OutputBytes.copiedViewBytes)).finish())
    #expect(arena.statistics.slotsOut == 2)
    output.append(try arena.buffer(pattern(OutputBytes.copiedViewBytes + 1)).finish())
    output.append(try arena.buffer([]).finish())
    var bytes = output.finish()
    #expect(bytes.viewCount == 3)
    #expect(bytes.bytes() == [1, 2, 3] + pattern(256) + pattern(257))
    #expect(bytes.popFirst()?.address == address)
  }

  @Test("queues are passed through as their views are")
  func queues() throws {
    var output = OutputBytes(arena: arena)
    output.append(try arena.queue([pattern(300), [1], pattern(300, seed: 1)]))
    output.append(ByteQueue())
    try output.append([2])
    #expect(output.finish().bytes() == pattern(300) + [1] + pattern(300, seed: 1) + [2])
    #expect(arena.isComplete)
  }

  @Test("small replies share a slot if the capacity is kept")
  func keepingCapacity() throws {
    var output = OutputBytes(arena: arena, chunkBytes: 256)
    var all = ByteQueue()
    for number in 0..<20 {
      try output.append(decimal: 100 + number)
      let reply = output.finish(keepingCapacity: true)
      #expect(reply.count == 3)
      all.append(reply)
    }
    #expect(arena.statistics.slotsOut == 1)
    // Neighbours in one slot: one entry of a vectored send.
    #expect(all.viewCount == 1)
    #expect(all.text() == (100..<120).map { "\($0)" }.joined())
    all.removeAll()
    #expect(arena.statistics.slotsOut == 1)
    #expect(output.finish().isEmpty == true)
    #expect(arena.isComplete)
  }

  @Test("what was reserved can be appended without an error")
  func reserving() throws {
    let dry = try BufferArena(.small([64], byteLimit: 16384, diagnostics: .counts))
    do {
      var output = OutputBytes(arena: dry, chunkBytes: 64)
      try output.append([1])
      try output.reserve(200)
      let rest = dry.drain(1)
      defer { withExtendedLifetime(rest) {} }
      #expect(rest.error != nil)
      for number in 0..<200 { try output.append(UInt8(number)) }
      #expect(output.finish().bytes() == [1] + (0..<200).map { UInt8($0) })
      #expect(failure { try output.reserve(-1) } == .negativeSize(-1))
      #expect(failure { try output.append(repeating: 0, count: -1) } == .negativeSize(-1))
    }
    #expect(dry.isComplete)
  }

  @Test("an append that fails adds nothing and takes nothing, and what was there stays")
  func strongGuarantee() throws {
    let dry = try BufferArena(.small([64], byteLimit: 16384, diagnostics: .counts))
    for lead in [0, 1, 60, 63, 64, 65, 128] {
      var output = OutputBytes(arena: dry, chunkBytes: 64)
      try output.append(pattern(lead))
      let rest = dry.drain(1)
      defer { withExtendedLifetime(rest) {} }
      let slots = dry.statistics.slotsOut
      let large = pattern(20_000)
      var errors = [failure { try output.append(large) }]
      errors.append(failure { try unsafe output.append(large.span.bytes) })
      errors.append(failure { try output.append((0..<20_000).lazy.map { UInt8(truncatingIfNeeded: $0) }) })
      errors.append(failure { try output.append(String(repeating: "é", count: 10_000)) })
      errors.append(failure { try output.append(repeating: 1, count: .max) })
      errors.append(failure { try output.append(hexadecimal: -1, minimumDigits: .max) })
      errors.append(failure { try output.reserve(.max) })
      errors.append(failure { try unsafe output.unsafeAppend(capacity: 5000) { $0.append(UInt8(1)) } })
      #expect(errors.allSatisfy { $0 != nil }, "\(errors)")
      #expect(output.count == lead)
      #expect(dry.statistics.slotsOut == slots)
      // Fills what room there is, then each further one fails.
      while failure({ try output.append(0xABCD as UInt16) }) == nil {}
      let count = output.count
      #expect(failure { try output.append(decimal: Int.min) }?.isLimitReached == true)
      #expect(failure { try output.append("text as long as an integer, and more") }?.isLimitReached == true)
      #expect(output.count == count)
      let bytes = output.finish().bytes()
      #expect(bytes.count == count && bytes.starts(with: pattern(lead)))
    }
    #expect(dry.isComplete)
  }

  @Test("memory that comes home can be written to after a failure")
  func afterFailure() throws {
    let dry = try BufferArena(.small([64], byteLimit: 4096))
    var output = OutputBytes(arena: dry, chunkBytes: 64)
    try output.append([1])
    do {
      let rest = dry.drain(1)
      defer { withExtendedLifetime(rest) {} }
      #expect(failure { try output.append(pattern(100)) }?.isLimitReached == true)
    }
    try output.append(pattern(100))
    #expect(output.finish().bytes() == [1] + pattern(100))
  }

  @Test("the caller writes in place")
  func initializing() throws {
    var output = OutputBytes(arena: arena, chunkBytes: 64)
    try output.append([1])
    let result = try unsafe output.unsafeAppend(capacity: 60) { span in
      span.append(UInt8(2))
      span.append(UInt8(3))
      return span.freeCapacity
    }
    #expect(result == 58)
    // More than is left of the chunk: together in the next.
    try unsafe output.unsafeAppend(capacity: 200) { unsafe $0.append(repeating: 7, count: 200, as: UInt8.self) }
    #expect(failure { try unsafe output.unsafeAppend(capacity: -1) { _ in } } == .negativeSize(-1))
    #expect(
      failure {
        try unsafe output.unsafeAppend(capacity: 10) { (span) throws(BufferError) in
          span.append(UInt8(9))
          throw .cancelled
        }
      } == .cancelled
    )
    let bytes = output.finish()
    #expect(bytes.viewCount == 2)
    #expect(bytes.bytes() == [1, 2, 3] + [UInt8](repeating: 7, count: 200))
  }

  @Test("digits as String writes them")
  func digits() throws {
    var output = OutputBytes(arena: arena)
    func expect(_ text: String) { #expect(output.finish().text() == text) }
    for value in [0, 1, -1, 9, 10, 99, 100, .max, .min] as [Int] {
      try output.append(decimal: value)
      expect("\(value)")
      try output.append(hexadecimal: value)
      expect(String(value, radix: 16))
      try output.append(hexadecimal: value, uppercase: true, minimumDigits: 20)
      let digits = String(value.magnitude, radix: 16, uppercase: true)
      expect((value < 0 ? "-" : "") + String(repeating: "0", count: 20 - digits.count) + digits)
    }
    try output.append(decimal: Int128.min)
    expect("\(Int128.min)")
    try output.append(decimal: UInt128.max)
    expect("\(UInt128.max)")
    try output.append(hexadecimal: UInt128.max)
    expect(String(UInt128.max, radix: 16))
    try output.append(decimal: Int8.min)
    expect("-128")
    try output.append(hexadecimal: 1, minimumDigits: -5)
    expect("1")
  }

  @Test("text of one Unicode scalar is text as well")
  func scalar() throws {
    var output = OutputBytes(arena: arena)
    try output.append("é")
    #expect(output.finish().text() == "é")
  }

  @Test("a closed arena refuses, and what was written is still sent")
  func closed() throws {
    let arena = try BufferArena(.small([64], diagnostics: .everyView))
    var output = OutputBytes(arena: arena, chunkBytes: 64)
    try output.append([1])
    arena.close()
    try output.append([2])
    #expect(failure { try output.append(pattern(100)) } == .closed)
    #expect(output.finish().bytes() == [1, 2])
  }

  @Test("random operations against an array", arguments: 0..<6)
  func random(_ run: Int) throws {
    var generator = SeededGenerator(seed: Settings.seed &+ UInt64(run))
    let arena = try BufferArena(.small([64, 256], byteLimit: 24 << 10, segmentBytes: 4096, diagnostics: .counts))
    do {
      var output = OutputBytes(arena: arena, chunkBytes: 64)
      var model: [UInt8] = []
      var sent = ByteQueue()
      var failures = 0
      for _ in 0..<3000 {
        let bytes = pattern(generator.below(300), seed: generator.below(50))
        var error: BufferError?
        switch generator.below(8) {
        case 0:
          error = failure { try output.append(bytes) }
          if error == nil { model += bytes }
        case 1:
          error = failure { try output.append(bytes.lazy.map { $0 }) }
          if error == nil { model += bytes }
        case 2:
          error = failure { try output.append(decimal: bytes.count) }
          if error == nil { model += Array("\(bytes.count)".utf8) }
        case 3:
          error = failure { try output.append(0x0102_0304_0506_0708 as UInt64) }
          if error == nil { model += [1, 2, 3, 4, 5, 6, 7, 8] }
        case 4:
          error = failure { output.append(try arena.buffer(bytes).finish()) }
          if error == nil { model += bytes }
        case 5:
          error = failure { try output.reserve(generator.below(500)) }
        case 6:
          let part = bytes.prefix(70)
          error = failure { try unsafe output.unsafeAppend(capacity: 70) { for byte in part { $0.append(byte) } } }
          if error == nil { model += part }
        default:
          let part = output.finish(keepingCapacity: generator.chance(1, in: 2))
          #expect(part.bytes() == model)
          model = []
          sent.append(part)
          if generator.chance(1, in: 16) { sent.removeAll() }
        }
        // With an error nothing was added.
        #expect(output.count == model.count)
        failures += error == nil ? 0 : 1
      }
      // The arena is so small that some must fail.
      #expect(failures > 0)
    }
    #expect(arena.isComplete)
  }
}
