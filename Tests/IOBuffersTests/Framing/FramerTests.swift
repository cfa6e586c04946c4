import IOBuffers
import Testing

@Suite("Decoders of one's own")
struct FramerTests {
  private let arena: BufferArena

  init() throws {
    arena = try BufferArena(.small([256], byteLimit: 1 << 20, diagnostics: .counts))
  }

  @Test("netstrings, however they are cut")
  func netstrings() throws {
    let bytes = Array("5:hello,0:,3:a,b,".utf8)
    for cuts in bytes.cuts {
      let (frames, error) = try arena.decode(NetstringDecoder(), bytes, cuts)
      #expect(frames == ["hello", "", "a,b"].map { Array($0.utf8) })
      #expect(error == nil)
    }
    #expect(arena.isComplete)
  }

  @Test("netstrings that are none")
  func malformed() throws {
    for (text, expected) in [
      ("5:hello;", FrameError.malformed("no comma")), ("x:", .malformed("the length is no number")),
      (":", .malformed("the length is no number")), ("1234567890", .malformed("no length")),
      ("5:hell", .endedInTheMiddle(leftover: 6)), ("5", .endedInTheMiddle(leftover: 1)),
    ] {
      #expect(try arena.decode(NetstringDecoder(), Array(text.utf8), []).error == expected)
    }
  }

  @Test("what is encoded is decoded, and the frame's views are passed through")
  func roundTrip() throws {
    var output = OutputBytes(arena: arena)
    var encoder = NetstringEncoder()
    let view = try arena.buffer(pattern(250)).finish()
    try encoder.encode(ByteQueue(view), into: &output)
    try encoder.encode(ByteQueue(), into: &output)
    let bytes = output.finish().bytes()
    let (frames, error) = try arena.decode(NetstringDecoder(), bytes, [100])
    #expect(frames == [pattern(250), []])
    #expect(error == nil)
  }

  @Test("a decoder that cannot be copied, of frames that cannot be copied, with errors of its own")
  func commands() throws {
    var framer = Framer(CommandDecoder())
    let text = Array("GET a\r\nPUT b\nvalue\nGET c\nDEL d\n".utf8)
    var seen: [String] = []
    var error: (any Error)?
    for byte in text {
      framer.append(try arena.buffer([byte]).finish())
      do {
        while let command = try framer.next() {
          switch consume command {
          case .get(let key): seen.append("get \(key)")
          case .put(let key, let value): seen.append("put \(key) \(value.text() ?? "")")
          }
        }
      } catch let caught {
        error = caught
      }
    }
    #expect(seen == ["get a", "put b value", "get c"])
    #expect(error is CommandDecoder.Unknown)
    framer.append(try arena.buffer([1]).finish())
    do {
      _ = try framer.end()
      Issue.record("a rest is no end")
    } catch {
      #expect(error as? FrameError == .endedInTheMiddle(leftover: 1))
    }
  }

  @Test("a protocol that changes goes on with the bytes that are left")
  func upgrade() throws {
    var lines = Framer(LineDecoder())
    lines.append(try arena.queue([Array("UPGRADE\r\n\u{0}\u{2}".utf8), Array("ok".utf8)]))
    #expect(try lines.next()?.text() == "UPGRADE")
    var packets = Framer(LengthPrefixDecoder(.uint16(.big)), bytes: lines.bytes.take())
    #expect(try packets.next()?.text() == "ok")
    let isOver = try packets.end() == nil
    #expect(isOver)
    #expect(lines.bytes.isEmpty == true)
  }

  @Test("a framer can be passed to another task")
  func sendable() async throws {
    var framer = Framer(LineDecoder())
    framer.append(try arena.buffer(Array("a\nb".utf8)).finish())
    let box = Locker(framer)
    let text = await Task { () -> String? in
      guard let framer = box.take() else { return nil }
      return Self.firstLine(framer)
    }.value
    #expect(text == "a")
  }

  private static func firstLine(_ framer: consuming Framer<LineDecoder>) -> String? {
    var framer = framer
    return (try? framer.next())?.text()
  }
}
