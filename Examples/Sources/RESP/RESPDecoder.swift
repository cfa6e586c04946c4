public import Sluice

/// Finds the arguments of commands: arrays of strings as clients send them (RESP2), or lines of words as telnet does.
public struct RESPDecoder: FrameDecoder, Sendable {
  /// What has come.
  public enum Frame: Sendable {
    /// The name of a command and its arguments: at least one string.
    case command([RESPString])
    /// An argument that is large enough for memory of its own: so many bytes follow, and CR LF. Whoever has read both goes
    /// on with `append`.
    case large(Int)
  }

  static let missingEnd = FrameError.malformed("expected CRLF behind a bulk string")
  /// The most bytes of an argument that is copied.
  private static let largestCopy = 16 << 10
  /// Of the command that is under way, or was the last: what has come of it. The array is used for one after the other.
  private var arguments: [RESPString] = []
  private var isWhole = false
  /// How many arguments have not come.
  private var missing = 0
  private var size = 0
  private var lines = LineDecoder(maximumLength: 64 << 10)

  /// Creates a decoder for the beginning of a stream.
  public init() {}

  /// Takes a large argument, which was read out of the stream.
  public mutating func append(_ value: RESPString) {
    arguments.append(value)
    missing -= 1
  }

  /// The next frame; nil if more bytes are needed. What it took is remembered.
  ///
  /// - Throws: `FrameError` if this is not the protocol.
  public mutating func decode(_ bytes: inout ByteQueue) throws(FrameError) -> Frame? {
    if isWhole {
      arguments.removeAll(keepingCapacity: arguments.count <= 64)
      isWhole = false
    }
    while arguments.isEmpty, missing == 0 {
      guard let first = bytes.first else { return nil }
      if first == UInt8(ascii: "*") {
        guard let header = try header("*", of: bytes) else { return nil }
        guard header.number <= 1 << 20 else { throw .malformed("invalid multibulk length") }
        try drop(header.end, of: &bytes)
        (missing, size) = (header.number, 0)
      } else {
        guard let line = try lines.decode(&bytes) else { return nil }
        arguments = line.bytes().split(separator: UInt8(ascii: " ")).map { RESPString($0) }
      }
    }
    while missing > 0 {
      guard let header = try header("$", of: bytes) else { return nil }
      guard header.number <= 512 << 20 else { throw .malformed("invalid bulk length") }
      if header.number > RESPDecoder.largestCopy {
        try drop(header.end, of: &bytes)
        return .large(header.number)
      }
      let end = header.end + header.number
      guard let last = bytes.byte(at: end + 1) else { return nil }
      guard bytes.byte(at: end) == UInt8(ascii: "\r"), last == UInt8(ascii: "\n") else { throw Self.missingEnd }
      append(RESPString(bytes, in: header.end..<end))
      try drop(end + 2, of: &bytes)
      size += end
      guard size <= 64 << 20 else { throw .tooLong(limit: 64 << 20) }
    }
    isWhole = true
    return .command(arguments)
  }

  private func drop(_ count: Int, of bytes: inout ByteQueue) throws(FrameError) {
    do throws(BufferError) { try bytes.removePrefix(count) } catch { throw .buffer(error) }
  }

  /// The number in a line such as `$5` at the front, and where the line ends. Nil: not all of it has come.
  private func header(
    _ mark: Unicode.Scalar,
    of bytes: borrowing ByteQueue
  ) throws(FrameError) -> (number: Int, end: Int)? {
    guard let first = bytes.first else { return nil }
    guard first == UInt8(ascii: mark) else { throw .malformed("expected '\(mark)'") }
    guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
      guard bytes.count < 32 else { throw .malformed("too big count") }
      return nil
    }
    guard end > 1, bytes.byte(at: end - 1) == UInt8(ascii: "\r"), let number = bytes.decimal(in: 1..<end - 1) else {
      throw .malformed(mark == "$" ? "invalid bulk length" : "invalid multibulk length")
    }
    return (number, end + 1)
  }
}
