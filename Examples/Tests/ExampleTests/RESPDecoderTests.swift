import RESP
import Sluice
import Testing

struct RESPDecoderTests {
  /// The arguments of all commands, however the bytes come. Large ones are read as the server reads them.
  private func decode(_ pieces: [[UInt8]], in arena: BufferArena) throws -> [[String]] {
    var decoder = RESPDecoder()
    var bytes = ByteQueue()
    var missing: Int?
    var commands: [[String]] = []
    for piece in pieces {
      try bytes.append(piece, in: arena)
      while true {
        if let size = missing {
          guard bytes.count >= size + 2 else { break }
          decoder.append(RESPString(try bytes.takePrefix(size).bytes()))
          try bytes.removePrefix(2)
          missing = nil
        }
        guard let frame = try decoder.decode(&bytes) else { break }
        switch frame {
        case .command(let arguments): commands.append(arguments.map { String(decoding: $0.bytes, as: UTF8.self) })
        case .large(let size): missing = size
        }
      }
    }
    let isDone = bytes.isEmpty && missing == nil
    #expect(isDone)
    return commands
  }

  @Test func commandsAreTheSameHoweverTheyCome() throws {
    let arena = try BufferArena()
    let text = "*2\r\n$3\r\nGET\r\n$5\r\na\r\nb\0\r\nPING\r\n\r\n*0\r\n  set  k v \n*1\r\n$0\r\n\r\n"
    for pieces in Splits(text) {
      #expect(try decode(pieces, in: arena) == [["GET", "a\r\nb\0"], ["PING"], ["set", "k", "v"], [""]])
    }
  }

  @Test func largeArgumentsAreLeftInTheStream() throws {
    let arena = try BufferArena()
    let large = String(repeating: "x", count: 20_000)
    let text = "*4\r\n$3\r\nSET\r\n$20000\r\n\(large)\r\n$20000\r\n\(large)\r\n$2\r\nNX\r\n*1\r\n$4\r\nPING\r\n"
    let bytes = Array(text.utf8)
    for piece in [1, 4000, 16_384, bytes.count] where piece > 1 || bytes.count < 50_000 {
      let pieces = stride(from: 0, to: bytes.count, by: piece).map { Array(bytes[$0..<min($0 + piece, bytes.count)]) }
      #expect(try decode(pieces, in: arena) == [["SET", large, large, "NX"], ["PING"]])
    }
  }

  @Test(arguments: [
    "*-1\r\n", "*x\r\n", "*9999999\r\n", "*1\n", "*1\r\n$-1\r\n", "*1\r\n:1\r\n", "*1\r\n$600000000\r\n",
    "*1\r\n$1\r\nabc",
    "*99999999999999999999999999999999", "*\r\n", "*1\r\n$\r\n",
  ])
  func whatIsMalformedIsRefusedHoweverItComes(_ text: String) throws {
    let arena = try BufferArena()
    for pieces in Splits(text) {
      #expect(throws: FrameError.self) { try decode(pieces, in: arena) }
    }
  }
}
