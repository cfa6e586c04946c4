import IOBuffers
import Testing

@Suite("Frames with their length in front")
struct LengthPrefixTests {
  private let arena: BufferArena

  static let all: [LengthPrefix] = [
    .uint8, .uint16(.big), .uint16(.little), .uint32(.big), .uint32(.little), .uint64(.big), .uint64(.little), .varint,
  ]

  init() throws {
    arena = try BufferArena(.small([256, 4096], byteLimit: 4 << 20, diagnostics: .counts))
  }

  @Test("what was encoded is decoded, however it is cut", arguments: all)
  func roundTrip(_ prefix: LengthPrefix) throws {
    let frames = [[], [1], pattern(5), []]
    var output = OutputBytes(arena: arena)
    var encoder = LengthPrefixEncoder(prefix)
    for frame in frames.dropLast() { try encoder.encode(try arena.queue([frame]), into: &output) }
    try unsafe encoder.encode([UInt8]().span.bytes, into: &output)
    let bytes = output.finish().bytes()
    for cuts in bytes.cuts {
      let (decoded, error) = try arena.decode(LengthPrefixDecoder(prefix, maximumLength: 5), bytes, cuts)
      #expect(decoded == frames)
      #expect(error == nil)
    }
    #expect(arena.isComplete)
  }

  @Test("a frame is a part of what came, not a copy")
  func noCopy() throws {
    let view = try arena.buffer([0, 3, 1, 2, 3, 0, 1, 4]).finish()
    let address = view.address
    var framer = Framer(LengthPrefixDecoder(.uint16(.big)))
    framer.append(view)
    #expect(try framer.next()?.joined(from: arena).address == address + 2)
    #expect(try framer.next()?.joined(from: arena).address == address + 7)
    let isOver = try framer.end() == nil
    #expect(isOver)
    #expect(arena.isComplete)
  }

  @Test("the largest frame that is allowed, and one byte more", arguments: all)
  func limit(_ prefix: LengthPrefix) throws {
    for count in [200, 201] {
      var output = OutputBytes(arena: arena)
      var encoder = LengthPrefixEncoder(prefix)
      try unsafe encoder.encode(pattern(count).span.bytes, into: &output)
      let bytes = output.finish().bytes()
      let (frames, error) = try arena.decode(LengthPrefixDecoder(prefix, maximumLength: 200), bytes, [])
      #expect(frames == (count == 200 ? [pattern(200)] : []))
      #expect(error == (count == 200 ? nil : .tooLong(limit: 200)))
    }
  }

  @Test("lengths that no Int holds are too long, and end nothing but the stream")
  func hugeLengths() throws {
    let ones = [UInt8](repeating: 0xFF, count: 8)
    for maximum in [0, 1 << 20, Int.max] {
      for (prefix, bytes) in [
        (LengthPrefix.uint64(.big), ones), (.uint64(.little), ones),
        (.uint64(.big), [0x80] + [UInt8](repeating: 0, count: 7)),
        (.varint, [UInt8](repeating: 0xFF, count: 9) + [1]), (.varint, [UInt8](repeating: 0xFF, count: 9) + [2]),
        (.varint, [UInt8](repeating: 0xFF, count: 9) + [0x7F]), (.varint, [UInt8](repeating: 0xFF, count: 10)),
      ] {
        let decoder = LengthPrefixDecoder(prefix, maximumLength: maximum)
        #expect(try arena.decode(decoder, bytes, []).error == .tooLong(limit: maximum), "\(prefix)")
      }
    }
    // The greatest Int, which is allowed here, but has no sum with the size of its prefix.
    let decoder = LengthPrefixDecoder(.uint64(.big), maximumLength: .max)
    #expect(try arena.decode(decoder, [0x7F] + ones.dropFirst(), []).error == .tooLong(limit: .max))
  }

  @Test("varints: all sizes, padded, and without an end")
  func varints() throws {
    for (bytes, length) in [
      ([0x00], 0), ([0x7F], 127), ([0x80, 0x01], 128), ([0xFF, 0x7F], 16383), ([0x80, 0x80, 0x01], 16384),
    ]
      as [([UInt8], Int)]
    {
      let frame = pattern(length)
      var output = OutputBytes(arena: arena)
      var encoder = LengthPrefixEncoder(.varint)
      try unsafe encoder.encode(frame.span.bytes, into: &output)
      #expect(output.finish().bytes() == bytes + frame)
      #expect(try arena.decode(LengthPrefixDecoder(.varint), bytes + frame, [1]).frames == [frame])
    }
    #expect(try arena.decode(LengthPrefixDecoder(.varint), [0x81, 0x80, 0x00, 7], []).frames == [[7]])
    #expect(
      try arena.decode(LengthPrefixDecoder(.varint), [0x81] + [UInt8](repeating: 0x80, count: 8) + [0, 7], []).frames
        == [[7]]
    )
    let endless = [UInt8](repeating: 0x80, count: 10)
    #expect(
      try arena.decode(LengthPrefixDecoder(.varint), endless, []).error == .malformed("a varint of more than ten bytes")
    )
    for count in 1..<10 {
      #expect(
        try arena.decode(LengthPrefixDecoder(.varint), Array(endless[..<count]), []).error
          == .endedInTheMiddle(leftover: count)
      )
    }
  }

  @Test("a frame that its prefix has no room for is refused, and nothing is written")
  func tooLarge() throws {
    var output = OutputBytes(arena: arena)
    var encoder = LengthPrefixEncoder(.uint8)
    #expect(
      failure { try unsafe encoder.encode(pattern(256).span.bytes, into: &output) }
        == .tooLarge(requested: 256, limit: 255)
    )
    #expect(
      failure { try encoder.encode(try arena.queue([pattern(256)]), into: &output) }
        == .tooLarge(requested: 256, limit: 255)
    )
    #expect(output.isEmpty == true)
    try unsafe encoder.encode(pattern(255).span.bytes, into: &output)
    #expect(output.count == 256)
  }

  @Test("the end in the middle of a length or a frame is an error")
  func cutShort() throws {
    for bytes in [[0], [0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 5, 1, 2, 3, 4]] as [[UInt8]] {
      #expect(try arena.decode(LengthPrefixDecoder(), bytes, []).error == .endedInTheMiddle(leftover: bytes.count))
    }
  }

  @Test("a frame with sizes that make no sense is an error, not the end of the program")
  func takeFrame() throws {
    var queue = try arena.queue([[1, 2, 3]])
    #expect(frameError { () throws(FrameError) in try queue.takeFrame(.max, after: 1) } == .tooLong(limit: .max))
    #expect(
      frameError { () throws(FrameError) in try queue.takeFrame(1, after: 1, before: .max) } == .tooLong(limit: .max)
    )
    #expect(frameError { () throws(FrameError) in try queue.takeFrame(-1) } == .buffer(.negativeSize(-1)))
    let isWhole = try queue.takeFrame(1, after: 1, before: 2) != nil
    #expect(!isWhole)
    #expect(try queue.takeFrame(1, after: 1, before: 1)?.bytes() == [2])
    #expect(queue.isEmpty == true)
  }
}
