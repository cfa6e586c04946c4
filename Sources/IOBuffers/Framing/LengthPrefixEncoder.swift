/// Writes frames with their length in front: what ``LengthPrefixDecoder`` reads.
@frozen
public struct LengthPrefixEncoder: FrameEncoder, Sendable {
  /// How the length is written.
  public let prefix: LengthPrefix

  /// Creates an encoder.
  ///
  /// - Parameter prefix: how the length is written; four bytes, as on the network, unless told.
  @inlinable
  public init(_ prefix: LengthPrefix = .uint32(.big)) {
    self.prefix = prefix
  }

  /// Appends the frame's length and passes its views through.
  ///
  /// - Throws: ``BufferError/tooLarge(requested:limit:)`` if the prefix has no room for the length; as
  ///   ``BufferArena/allocate(minimumCapacity:)``. Nothing is then appended, and the frame is released.
  public mutating func encode(_ frame: consuming ByteQueue, into output: inout OutputBytes) throws(BufferError) {
    try writePrefix(of: frame.count, to: &output)
    output.append(frame)
  }

  /// The same for a frame that is to be copied.
  ///
  /// - Throws: as ``encode(_:into:)-(ByteQueue,_)``.
  public mutating func encode(_ frame: RawSpan, into output: inout OutputBytes) throws(BufferError) {
    // For all of it, so that no prefix is left without its frame.
    try output.reserve(frame.byteCount + 10)
    try writePrefix(of: frame.byteCount, to: &output)
    try output.append(frame)
  }

  private func writePrefix(of count: Int, to output: inout OutputBytes) throws(BufferError) {
    let length = UInt64(count)
    guard length <= prefix.largest else {
      throw .tooLarge(requested: count, limit: Int(truncatingIfNeeded: prefix.largest))
    }
    try output.reserve(prefix.size(of: length))
    try prefix.write(length, to: &output)
  }
}
