/// Lines that end with a line feed, or with a carriage return and a line feed. The frames are without these, and are taken
/// without a copy.
///
/// What was looked at once is not looked at again, however small the pieces are in which a line comes.
@frozen
public struct LineDecoder: FrameDecoder, Sendable {
  /// The most bytes that a line may have, without what ends it.
  public let maximumLength: Int
  /// Up to here there is no line feed.
  @usableFromInline
  var scanned = 0

  /// Creates a decoder.
  ///
  /// - Parameter maximumLength: the most bytes that a line may have, without what ends it. 8192 unless told.
  @inlinable
  public init(maximumLength: Int = 8192) {
    self.maximumLength = max(0, maximumLength)
  }

  /// The next line.
  ///
  /// - Parameter bytes: what has come.
  /// - Returns: the line; nil if more bytes are needed. Nothing is taken then.
  /// - Throws: ``FrameError/tooLong(limit:)`` as soon as no line feed can come early enough; ``FrameError/buffer(_:)`` with
  ///   ``BufferError/tooManyViews``. Nothing is taken then.
  @inlinable
  public mutating func decode(_ bytes: inout ByteQueue) throws(FrameError) -> ByteQueue? {
    guard let end = bytes.firstIndex(of: UInt8(ascii: "\n"), from: scanned) else {
      scanned = bytes.count
      // The last byte may be the carriage return that ends the line.
      let isOpen = bytes.byte(at: bytes.count &- 1) == UInt8(ascii: "\r")
      guard bytes.count &- (isOpen ? 1 : 0) <= maximumLength else { throw .tooLong(limit: maximumLength) }
      return nil
    }
    let hasReturn = bytes.byte(at: end &- 1) == UInt8(ascii: "\r")
    let length = hasReturn ? end &- 1 : end
    guard length <= maximumLength else { throw .tooLong(limit: maximumLength) }
    let line = try bytes.takeFrame(length, before: hasReturn ? 2 : 1)
    scanned = 0
    return line
  }
}
