public import Sluice

/// Takes the chunks off a body that comes in chunks (RFC 9112, 7.1). What is in them is passed on as it comes.
public struct ChunkedDecoder: FrameDecoder, Sendable {
  /// What has come.
  public enum Frame: ~Copyable {
    /// Bytes of the body: at least one, of one chunk.
    case data(ByteQueue)
    /// The body has ended.
    case end
  }

  private enum State {
    case size
    case data(Int)
    case dataEnd
    case trailer
  }

  /// The most bytes of the lines behind the last chunk.
  public static let longestTrailer = 4 << 10
  private var state = State.size
  private var trailer = 0

  /// Creates a decoder for the beginning of a body. It can be used for the next one, too.
  public init() {}

  /// The next piece of the body, or its end; nil if more bytes are needed. What it took is remembered.
  ///
  /// - Throws: `HTTPStatus` if these are no chunks.
  public mutating func decode(_ bytes: inout ByteQueue) throws -> Frame? {
    while true {
      switch state {
      case .size:
        guard let line = try self.line(&bytes) else { return nil }
        // What follows a semicolon are extensions, of which we know none.
        let end = line.firstIndex(of: UInt8(ascii: ";")) ?? line.count
        guard end <= 15, let size = line.hexadecimal(in: 0..<end) else { throw HTTPStatus.badRequest }
        state = size == 0 ? .trailer : .data(size)
      case .data(let left):
        guard !bytes.isEmpty else { return nil }
        let piece = try bytes.takePrefix(min(left, bytes.count))
        state = piece.count == left ? .dataEnd : .data(left - piece.count)
        return .data(piece)
      case .dataEnd:
        guard bytes.count >= 2 else { return nil }
        guard bytes.starts(with: "\r\n") else { throw HTTPStatus.badRequest }
        try bytes.removePrefix(2)
        state = .size
      case .trailer:
        guard let line = try self.line(&bytes) else { return nil }
        trailer += line.count
        guard trailer <= Self.longestTrailer else { throw HTTPStatus.headersTooLarge }
        if line.isEmpty {
          state = .size
          return .end
        }
      }
    }
  }

  /// A line that ends with CR LF, and has no bare CR or LF in it.
  private mutating func line(_ bytes: inout ByteQueue) throws -> ByteQueue? {
    guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
      guard bytes.count <= 256 else { throw HTTPStatus.badRequest }
      return nil
    }
    guard end <= 256, bytes.firstIndex(of: UInt8(ascii: "\r")) == end - 1 else { throw HTTPStatus.badRequest }
    return try bytes.takeFrame(end - 1, before: 2)
  }
}

extension OutputBytes {
  /// Appends a chunk.
  ///
  /// - Parameter chunk: at least one byte, because an empty chunk is the end. They are passed through.
  /// - Throws: as ``append(_:)-(StaticString)``. Not a part of it is appended where 32 bytes were reserved.
  public mutating func append(chunk: consuming ByteQueue) throws(BufferError) {
    try append(hexadecimal: chunk.count)
    try append("\r\n")
    append(chunk)
    try append("\r\n")
  }
}
