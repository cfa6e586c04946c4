import IOBuffers
import Testing

/// Each decoder on each way to cut its input, against what a plain function says.
@Suite("Decoders of frames")
struct DecoderTests {
  private let arena: BufferArena

  init() throws {
    arena = try BufferArena(.small([256, 4096], byteLimit: 4 << 20, diagnostics: .counts))
  }

  @Test("lines, however they are cut")
  func lines() throws {
    let bytes = Array("a\r\n\nbc\n\r\n\r\r\nx\ry\n".utf8)
    for cuts in bytes.cuts {
      let (frames, error) = try arena.decode(LineDecoder(maximumLength: 3), bytes, cuts)
      #expect(frames == ["a", "", "bc", "", "\r", "x\ry"].map { Array($0.utf8) })
      #expect(error == nil)
    }
    #expect(arena.isComplete)
  }

  @Test(
    "the limit of a line does not count what ends it",
    arguments: ["abc\n", "abc\r\n", "abcd\n", "abcd\r\n", "abc\rd\n"]
  )
  func lineLimit(_ text: String) throws {
    let bytes = Array(text.utf8)
    let isLong = text.contains("d")
    for cuts in bytes.cuts {
      let (frames, error) = try arena.decode(LineDecoder(maximumLength: 3), bytes, cuts)
      #expect(frames == (isLong ? [] : [Array("abc".utf8)]))
      #expect(error == (isLong ? .tooLong(limit: 3) : nil))
    }
  }

  @Test("a line that never ends is refused at once, and again")
  func endlessLine() throws {
    var framer = Framer(LineDecoder(maximumLength: 10))
    framer.append(try arena.buffer(pattern(11).map { $0 == 10 ? 1 : $0 }).finish())
    for _ in 0..<2 { #expect(frameError { () throws(FrameError) in try framer.next() } == .tooLong(limit: 10)) }
    framer.append(try arena.buffer(Array("\n".utf8)).finish())
    #expect(frameError { () throws(FrameError) in try framer.next() } == .tooLong(limit: 10))
  }

  @Test("a rest at the end of the stream is an error", arguments: ["a", "\r", "x\na"])
  func rest(_ text: String) throws {
    let (_, error) = try arena.decode(LineDecoder(), Array(text.utf8), [])
    #expect(error == .endedInTheMiddle(leftover: 1))
  }

  @Test("delimiters, however they are cut", arguments: ["\r\n\r\n", "|", "aab"])
  func delimiters(_ delimiter: String) throws {
    let parts = ["aa", "", "\r\n\r", "ab", "x"]
    let bytes = Array(parts.map { $0 + delimiter }.joined().utf8)
    let expected = Self.split(bytes, Array(delimiter.utf8))
    let decoder = DelimiterDecoder(Array(delimiter.utf8), maximumLength: 10)
    for cuts in bytes.cuts {
      let (frames, error) = try arena.decode(decoder, bytes, cuts)
      #expect(frames == expected.frames)
      #expect(error == (expected.rest == 0 ? nil : .endedInTheMiddle(leftover: expected.rest)))
    }
  }

  @Test("the limit of a delimited frame does not count the delimiter")
  func delimiterLimit() throws {
    for cuts in Array("abcd--".utf8).cuts {
      #expect(try arena.decode(DelimiterDecoder("--", maximumLength: 4), Array("abcd--".utf8), cuts).error == nil)
      #expect(
        try arena.decode(DelimiterDecoder("--", maximumLength: 3), Array("abcd--".utf8), cuts).error
          == .tooLong(limit: 3)
      )
    }
  }

  @Test("an empty delimiter is never found")
  func emptyDelimiter() throws {
    #expect(
      try arena.decode(DelimiterDecoder("", maximumLength: 4), pattern(4), []).error == .endedInTheMiddle(leftover: 4)
    )
    #expect(try arena.decode(DelimiterDecoder("", maximumLength: 4), pattern(5), []).error == .tooLong(limit: 4))
  }

  @Test("single bytes, each in a view of its own, are looked at once")
  func linear() throws {
    let count = 60_000
    let line = try BufferArena(.small([64], byteLimit: 16 << 20, segmentBytes: 1 << 20))
    let byte = try line.buffer([97])
    var lines = Framer(LineDecoder(maximumLength: count))
    var frames = Framer(DelimiterDecoder("\r\n\r\n", maximumLength: count))
    // Looking at all of it each time would be 1.8 billion bytes, and as many steps from view to view.
    for _ in 0..<count {
      lines.append(try byte.readView())
      frames.append(try byte.readView())
      let isLine = try lines.next() != nil
      let isFrame = try frames.next() != nil
      if isLine || isFrame { Issue.record("nothing has ended yet") }
    }
    #expect(lines.bytes.viewCount == count)
    lines.append(try line.buffer([10]).finish())
    frames.append(try line.buffer(Array("\r\n\r\n".utf8)).finish())
    #expect(try lines.next()?.count == count)
    #expect(try frames.next()?.count == count)
  }

  private static func split(_ bytes: [UInt8], _ delimiter: [UInt8]) -> (frames: [[UInt8]], rest: Int) {
    var frames: [[UInt8]] = []
    var start = 0
    while let end = (start..<max(start, bytes.count)).first(where: { bytes[$0...].starts(with: delimiter) }) {
      frames.append(Array(bytes[start..<end]))
      start = end + delimiter.count
    }
    return (frames, bytes.count - start)
  }
}

/// The `FrameError` that `body` throws, or nil when it succeeds.
func frameError<Result: ~Copyable>(_ body: () throws(FrameError) -> Result) -> FrameError? {
  do throws(FrameError) {
    _ = try body()
    return nil
  } catch {
    return error
  }
}
