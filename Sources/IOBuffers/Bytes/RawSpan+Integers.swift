/// Reading single bytes and integers, as ``ReadView`` does it, with every offset checked.
extension RawSpan {
  /// One byte.
  ///
  /// - Parameter offset: from 0 to `byteCount`; anything else ends the program, as with an array.
  @inlinable
  public subscript(checked offset: Int) -> UInt8 {
    precondition(offset >= 0 && offset < byteCount, "offset out of bounds")
    // Sound: within the bytes, as was just tested; every pattern of bits is a value.
    return unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  /// One byte, or nil if `offset` is not inside the span. For offsets that a peer chose.
  ///
  /// - Parameter offset: from the start of the span.
  @inlinable
  public func byte(at offset: Int) -> UInt8? {
    guard offset >= 0, offset < byteCount else { return nil }
    // Sound: within the bytes, as was just tested; every pattern of bits is a value.
    return unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  /// Reads an integer, which need not be aligned.
  ///
  /// - Parameters:
  ///   - offset: where its first byte is.
  ///   - type: the integer's type.
  ///   - order: the order of its bytes; as on the network (big) unless told.
  /// - Returns: the integer.
  /// - Throws: ``BufferError/outOfBounds(range:count:)`` if it is not wholly inside the span.
  @inlinable
  public func load<T: PlainInteger>(
    at offset: Int,
    as type: T.Type = T.self,
    _ order: Endianness = .big
  ) throws(BufferError) -> T {
    guard offset >= 0, offset <= byteCount &- MemoryLayout<T>.size else {
      throw .outOfBounds(at: offset, MemoryLayout<T>.size, count: byteCount)
    }
    _ = T._seal
    // Sound: within the bytes, as was tested; the seal says that all patterns of bits are values.
    let raw = unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: T.self)
    return order == .big ? T(bigEndian: raw) : T(littleEndian: raw)
  }
}
