import IOBuffers
import Testing

@Suite("Searching views")
struct SearchTests {
  @Test("first place of a byte")
  func firstIndex() throws {
    let arena = try BufferArena(.small())
    let view = try arena.buffer([1, 2, 3, 2, 1, 0]).finish()
    #expect(view.firstIndex(of: 2) == 1)
    #expect(view.firstIndex(of: 2, from: 1) == 1)
    #expect(view.firstIndex(of: 2, from: 2) == 3)
    #expect(view.firstIndex(of: 0) == 5)
    #expect(view.firstIndex(of: 9) == nil)
    for start in [-1, 6, 7, Int.max, Int.min] { #expect(view.firstIndex(of: 1, from: start) == nil) }
  }

  @Test("a search sees the view, not the buffer")
  func limitedToView() throws {
    let arena = try BufferArena(.small())
    let buffer = try arena.buffer(Array("GET / HTTP\r\n\r\n".utf8))
    let view = try buffer.readView(of: 4..<11)
    #expect(view.firstIndex(of: UInt8(ascii: "G")) == nil)
    #expect(view.firstIndex(of: UInt8(ascii: "\n")) == nil)
    #expect(view.firstRange(of: "\r\n") == nil)
    #expect(view.firstRange(of: "HTTP") == 2..<6)
    #expect(view.starts(with: "/ ") == true)
    #expect(view.starts(with: "/ HTTP\r\n") == false)
    #expect(view.elementsEqual("/ HTTP\r") == true)
    #expect(view.text() == "/ HTTP\r")
  }

  @Test("needles: at the ends, overlapping themselves, empty, too long")
  func firstRange() throws {
    let arena = try BufferArena(.small())
    let view = try arena.buffer(Array("aabaabaaab".utf8)).finish()
    #expect(view.firstRange(of: "aab") == 0..<3)
    #expect(view.firstRange(of: "aaab") == 6..<10)
    #expect(view.firstRange(of: "aab", from: 1) == 3..<6)
    #expect(view.firstRange(of: "b", from: 9) == 9..<10)
    #expect(view.firstRange(of: "b", from: 10) == nil)
    #expect(view.firstRange(of: "bb") == nil)
    #expect(view.firstRange(of: "aabaabaaab") == 0..<10)
    #expect(view.firstRange(of: "aabaabaaabb") == nil)
    #expect(view.firstRange(of: "") == 0..<0)
    #expect(view.firstRange(of: "", from: 10) == 10..<10)
    for start in [-1, 11, Int.max, Int.min] {
      #expect(view.firstRange(of: "", from: start) == nil)
      #expect(view.firstRange(of: "a", from: start) == nil)
    }
    #expect(view.firstRange(of: Array("baa".utf8)) == 2..<5)
    #expect(unsafe view.firstRange(of: Array("baa".utf8).span.bytes, from: 3) == 5..<8)
    let empty = try view.slice(4..<4)
    #expect(empty.firstRange(of: "a") == nil)
    #expect(empty.firstRange(of: "") == 0..<0)
    #expect(empty.firstIndex(of: 97) == nil)
  }

  @Test("against a plain search, at random")
  func random() throws {
    let arena = try BufferArena(.small())
    var generator = SeededGenerator(seed: Settings.seed)
    for _ in 0..<500 {
      let bytes = (0..<generator.below(30)).map { _ in UInt8(97 + generator.below(2)) }
      let needle = (0..<generator.below(5)).map { _ in UInt8(97 + generator.below(2)) }
      let start = generator.below(32)
      let view = try arena.buffer(bytes).finish()
      var expected: Range<Int>?
      if start <= bytes.count {
        expected = (start...bytes.count).first { bytes[$0...].starts(with: needle) }.map { $0..<$0 + needle.count }
      }
      #expect(view.firstRange(of: needle, from: start) == expected, "\(bytes) \(needle) \(start) \(Settings.seed)")
      #expect(view.starts(with: needle) == bytes.starts(with: needle))
      #expect(view.elementsEqual(needle) == (bytes == needle))
    }
  }

  @Test("equality")
  func equality() throws {
    let arena = try BufferArena(.small())
    let view = try arena.buffer(pattern(10)).finish()
    let same = try arena.buffer(pattern(10)).finish()
    let shorter = try view.slice(0..<9)
    #expect(view.elementsEqual(same) == true)
    #expect(view.elementsEqual(shorter) == false)
    #expect(view.elementsEqual(pattern(10)) == true)
    #expect(view.elementsEqual(pattern(11)) == false)
    #expect(unsafe view.elementsEqual(pattern(10).span.bytes) == true)
    #expect(unsafe view.starts(with: pattern(3).span.bytes) == true)
    #expect(view.starts(with: [UInt8]()) == true)
    let empty = try view.slice(0..<0)
    #expect(empty.elementsEqual([UInt8]()) == true)
    #expect(empty.elementsEqual("") == true)
  }

  @Test(
    "text is valid UTF-8 or nothing",
    arguments: [
      [0xC3], [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [97, 0xE2, 0x82], [0x80],
    ] as [[UInt8]]
  )
  func invalidText(_ bytes: [UInt8]) throws {
    let arena = try BufferArena(.small())
    #expect(try arena.buffer(bytes).finish().text() == nil)
  }

  @Test("valid text", arguments: ["", "a", "é€𝄞", "\0", "e\u{301}\r\n"])
  func validText(_ text: String) throws {
    let arena = try BufferArena(.small())
    let view = try arena.buffer(Array(text.utf8)).finish()
    #expect(view.text().map { Array($0.utf8) } == Array(text.utf8))
  }
}
