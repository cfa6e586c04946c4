import IOBuffers

/// A decoder as a user writes one: netstrings, `5:hello,`.
struct NetstringDecoder: FrameDecoder {
  mutating func decode(_ bytes: inout ByteQueue) throws(FrameError) -> ByteQueue? {
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
      if bytes.count > 9 { throw .malformed("no length") }
      return nil
    }
    guard colon <= 9, let length = bytes.decimal(in: 0..<colon) else { throw .malformed("the length is no number") }
    guard let comma = bytes.byte(at: colon + 1 + length) else { return nil }
    guard comma == UInt8(ascii: ",") else { throw .malformed("no comma") }
    return try bytes.takeFrame(length, after: colon + 1, before: 1)
  }
}

/// The way back.
struct NetstringEncoder: FrameEncoder {
  mutating func encode(_ frame: consuming ByteQueue, into output: inout OutputBytes) throws(BufferError) {
    try output.reserve(20 + 2)
    try output.append(decimal: frame.count)
    try output.append(":")
    output.append(frame)
    try output.append(",")
  }
}

/// A decoder with a state, frames that have views, any errors, and views that cannot be copied: `PUT key\n`, one line of
/// value, or `GET key\n`.
struct CommandDecoder: FrameDecoder, ~Copyable {
  enum Command: ~Copyable {
    case get(key: String)
    case put(key: String, value: ByteQueue)
  }

  struct Unknown: Error {}

  private var lines = LineDecoder(maximumLength: 100)
  private var key: String?
  /// There to make a decoder that cannot be copied.
  private var spare: ReadView?

  mutating func decode(_ bytes: inout ByteQueue) throws -> Command? {
    while let line = try lines.decode(&bytes) {
      if let key = key.take() { return .put(key: key, value: line) }
      guard let words = line.text()?.split(separator: " "), words.count == 2 else { throw Unknown() }
      if words[0] == "GET" { return .get(key: String(words[1])) }
      guard words[0] == "PUT" else { throw Unknown() }
      key = String(words[1])
    }
    return nil
  }
}
