// Parser state beside bytes; decoders and encoders of one's own, without an experimental feature in the program.
import IOBuffers

struct Netstrings: FrameDecoder {
  mutating func decode(_ bytes: inout ByteQueue) throws(FrameError) -> ByteQueue? {
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return nil }
    guard colon < 10, let length = bytes.decimal(in: 0..<colon) else { throw .malformed("no length") }
    return try bytes.takeFrame(length, after: colon + 1, before: 1)
  }
}

struct Message: ~Copyable {
  var key: String
  var value: ByteQueue
}

struct Messages: FrameDecoder, ~Copyable {
  private var lines = LineDecoder()
  private var key: String?
  private var kept: ReadView?

  mutating func decode(_ bytes: inout ByteQueue) throws -> Message? {
    while let line = try lines.decode(&bytes) {
      if let key = key.take() { return Message(key: key, value: line) }
      key = line.text()
    }
    return nil
  }
}

struct Pairs: FrameEncoder {
  mutating func encode(_ frame: consuming Message, into output: inout OutputBytes) throws(BufferError) {
    try output.append(frame.key)
    try output.append(frame.value.count)
  }
}

struct Numbers: FrameEncoder {
  mutating func encode(_ frame: Int, into output: inout OutputBytes) throws(BufferError) {
    try output.append(decimal: frame)
  }
}

struct Session: ~Copyable {
  private var framer = Framer(Messages())
  private var count = 0

  mutating func received(_ view: consuming ReadView) throws {
    framer.append(view)
    while let message = try framer.next() { handle(message) }
  }

  mutating func ended() throws {
    while let message = try framer.end() { handle(message) }
  }

  private mutating func handle(_ message: consuming Message) {
    count += message.value.count
  }
}

struct Stack<Decoder: FrameDecoder & ~Copyable>: ~Copyable {
  var framer: Framer<Decoder>

  mutating func next() throws(Decoder.Failure) -> Decoder.Frame? {
    try framer.next()
  }
}

func all(_ view: consuming ReadView) throws(FrameError) -> Int {
  var framer = Framer(Netstrings())
  var count = 0
  framer.append(view)
  while let frame = try framer.next() { count += frame.count }
  return count
}
