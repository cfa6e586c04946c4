public import Sluice

/// Finds the heads of requests (RFC 9112). Strict where two readers could understand the same bytes differently, because one
/// of them may be a proxy: what is refused cannot be smuggled past it.
public struct RequestHeadDecoder: FrameDecoder, Sendable {
  /// The most bytes of the first line.
  public static let longestLine = 8 << 10
  /// The most bytes of a head.
  public static let longestHead = 16 << 10
  /// The most fields of a head.
  public static let mostFields = 100
  private var scanned = 0

  /// Creates a decoder for the beginning of a stream.
  public init() {}

  /// The next head; nil if more bytes are needed.
  ///
  /// - Throws: the status with which the request is to be refused.
  public mutating func decode(_ bytes: inout ByteQueue) throws(HTTPStatus) -> RequestHead? {
    // Older clients send an empty line behind a body: section 2.2.
    while scanned == 0, bytes.starts(with: "\r\n") { try take(2, of: &bytes) }
    let end = bytes.firstRange(of: "\r\n\r\n", from: scanned)?.upperBound
    let size = end ?? bytes.count
    if size > Self.longestLine {
      let line = bytes.firstRange(of: "\r\n")?.lowerBound ?? size
      if line > Self.longestLine { throw .targetTooLong }
      if size > Self.longestHead { throw .headersTooLarge }
    }
    guard let end else {
      scanned = max(0, size - 3)
      return nil
    }
    scanned = 0
    // In one view as a rule, and read where it is.
    return try take(end, of: &bytes).withBytes { text throws(HTTPStatus) in try Self.parse(text) }
  }

  /// The same when no more bytes will come.
  public mutating func decodeLast(_ bytes: inout ByteQueue) throws(HTTPStatus) -> RequestHead? {
    if let head = try decode(&bytes) { return head }
    guard bytes.isEmpty else { throw .badRequest }
    return nil
  }

  @discardableResult
  private func take(_ count: Int, of bytes: inout ByteQueue) throws(HTTPStatus) -> ByteQueue {
    do throws(BufferError) { return try bytes.takePrefix(count) } catch { throw .badRequest }
  }

  /// - Parameter text: the lines of a head, and the empty one behind them.
  private static func parse(_ text: RawSpan) throws(HTTPStatus) -> RequestHead {
    var parser = RequestHeadParser()
    var start = 0
    while let end = text.firstRange(of: "\r\n", from: start) {
      if start > 0, end.lowerBound == start { break }
      let line = text.extracting(start..<end.lowerBound)
      // A bare CR, LF or NUL would end the line for some (section 2.2; RFC 9110, 5.5).
      guard line.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else { throw .badRequest }
      if start == 0 { try parser.readRequestLine(line) } else { try parser.readField(line) }
      start = end.upperBound
    }
    return try parser.finish()
  }
}
