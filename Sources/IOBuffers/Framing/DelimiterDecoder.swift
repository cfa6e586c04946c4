/// Frames that end with a sequence of bytes. The frames are without it, and are taken without a copy.
///
/// What was looked at once is not looked at again, however small the pieces are in which a frame comes.
@frozen
public struct DelimiterDecoder: FrameDecoder, Sendable {
  /// What ends a frame.
  public let delimiter: [UInt8]
  /// The most bytes that a frame may have, without what ends it.
  public let maximumLength: Int
  /// Before this offset no delimiter begins.
  @usableFromInline
  var scanned = 0

  /// Creates a decoder.
  ///
  /// - Parameters:
  ///   - delimiter: what ends a frame. An empty one is never found.
  ///   - maximumLength: the most bytes that a frame may have, without what ends it. 8192 unless told.
  @inlinable
  public init(_ delimiter: [UInt8], maximumLength: Int = 8192) {
    self.delimiter = delimiter
    self.maximumLength = max(0, maximumLength)
  }

  /// Creates a decoder for a delimiter that is text.
  ///
  /// - Parameters:
  ///   - delimiter: what ends a frame, in UTF-8.
  ///   - maximumLength: the most bytes that a frame may have, without what ends it. 8192 unless told.
  @inlinable
  public init(_ delimiter: StaticString, maximumLength: Int = 8192) {
    self.init(delimiter.withUTF8Buffer { unsafe Array($0) }, maximumLength: maximumLength)
  }

  /// The next frame.
  ///
  /// - Parameter bytes: what has come.
  /// - Returns: the frame; nil if more bytes are needed. Nothing is taken then.
  /// - Throws: ``FrameError/tooLong(limit:)`` as soon as no delimiter can come early enough; ``FrameError/buffer(_:)`` with
  ///   ``BufferError/tooManyViews``. Nothing is taken then.
  @inlinable
  public mutating func decode(_ bytes: inout ByteQueue) throws(FrameError) -> ByteQueue? {
    guard !delimiter.isEmpty, let range = bytes.firstRange(of: delimiter, from: scanned) else {
      // A delimiter may have begun in the last bytes, one less than it has.
      scanned = max(0, bytes.count &- max(0, delimiter.count &- 1))
      guard scanned <= maximumLength else { throw .tooLong(limit: maximumLength) }
      return nil
    }
    guard range.lowerBound <= maximumLength else { throw .tooLong(limit: maximumLength) }
    let frame = try bytes.takeFrame(range.lowerBound, before: delimiter.count)
    scanned = 0
    return frame
  }
}
