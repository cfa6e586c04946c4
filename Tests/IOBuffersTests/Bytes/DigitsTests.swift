import IOBuffers
import Testing

@Suite("Numbers written as text")
struct DigitsTests {
  @Test(
    "decimal",
    arguments: [
      ("0", 0), ("7", 7), ("007", 7), ("9223372036854775807", .max), ("00000000000000000000000001", 1),
      ("9223372036854775808", nil), ("99999999999999999999", nil), ("18446744073709551616", nil), ("", nil),
      ("-1", nil),
      ("+1", nil), (" 1", nil), ("1 ", nil), ("1a", nil), ("0x1", nil), ("/", nil), (":", nil), ("١", nil),
    ] as [(String, Int?)]
  )
  func decimal(_ text: String, _ expected: Int?) throws {
    try expect(text, expected, 10)
  }

  @Test(
    "hexadecimal",
    arguments: [
      ("0", 0), ("f", 15), ("F", 15), ("1aB", 0x1AB), ("7fffffffffffffff", .max), ("0000000000000000000ff", 255),
      ("8000000000000000", nil), ("10000000000000000", nil), ("", nil), ("0x1", nil), ("-1", nil), ("g", nil),
      ("G", nil),
      ("@", nil), ("`", nil), ("1;", nil),
    ] as [(String, Int?)]
  )
  func hexadecimal(_ text: String, _ expected: Int?) throws {
    try expect(text, expected, 16)
  }

  private func expect(_ text: String, _ expected: Int?, _ radix: Int) throws {
    let arena = try BufferArena(.small([256], byteLimit: 1 << 20))
    let bytes = Array(text.utf8)
    let view = try arena.buffer(bytes).finish()
    #expect((radix == 10 ? view.decimal() : view.hexadecimal()) == expected)
    #expect((radix == 10 ? view.bytes.decimal() : view.bytes.hexadecimal()) == expected)
    for cuts in bytes.cuts {
      let queue = try arena.queue(bytes, cutAt: cuts)
      #expect((radix == 10 ? queue.decimal() : queue.hexadecimal()) == expected)
    }
    #expect(view.byte(at: bytes.count) == nil)
    #expect(view.bytes.byte(at: bytes.count) == nil)
    #expect(view.bytes.byte(at: -1) == nil)
    for place in bytes.indices {
      #expect(view.bytes[checked: place] == bytes[place])
      #expect(view.byte(at: place) == bytes[place])
    }
  }

  @Test("only letters have a case")
  func cases() throws {
    let arena = try BufferArena(.small())
    let view = try arena.buffer(Array("@AZ[`az{É".utf8)).finish()
    #expect(view.equalsIgnoringASCIICase("@aZ[`Az{É") == true)
    #expect(view.equalsIgnoringASCIICase("`aZ[`Az{É") == false)
    #expect(view.equalsIgnoringASCIICase("@aZ{`Az{É") == false)
    #expect(view.equalsIgnoringASCIICase("@aZ[`Az{é") == false)
    #expect(try view.bytes.load(at: 1, as: UInt16.self) == 0x415A)
    #expect(failure { try view.bytes.load(at: 9, as: UInt16.self) } == .outOfBounds(range: 9..<11, count: 10))
  }
}
