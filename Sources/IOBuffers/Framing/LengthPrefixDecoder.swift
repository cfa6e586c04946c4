/// Frames with their length in front. The frames are without it, and are taken without a copy.
@frozen
public struct LengthPrefixDecoder: FrameDecoder, Sendable {
  /// How the length is written.
  public let prefix: LengthPrefix
  /// The most bytes that a frame may have.
  public let maximumLength: Int

  /// Creates a decoder.
  ///
  /// - Parameters:
  ///   - prefix: how the length is written; four bytes, as on the network, unless told.
  ///   - maximumLength: the most bytes that a frame may have: what a peer can make this end hold. 1 MiB unless told.
  @inlinable
  public init(_ prefix: LengthPrefix = .uint32(.big), maximumLength: Int = 1 << 20) {
    self.prefix = prefix
    self.maximumLength = max(0, maximumLength)
  }

  /// The next frame.
  ///
  /// - Parameter bytes: what has come.
  /// - Returns: the frame; nil if more bytes are needed. Nothing is taken then.
  /// - Throws: ``FrameError/tooLong(limit:)`` as soon as a length says so; ``FrameError/malformed(_:)`` for a varint that
  ///   does not end; ``FrameError/buffer(_:)`` with ``BufferError/tooManyViews``. Nothing is taken then.
  @inlinable
  public mutating func decode(_ bytes: inout ByteQueue) throws(FrameError) -> ByteQueue? {
    guard let (length, size) = try prefix.read(bytes) else { return nil }
    guard length <= UInt64(maximumLength) else { throw .tooLong(limit: maximumLength) }
    return try bytes.takeFrame(Int(length), after: size)
  }
}
