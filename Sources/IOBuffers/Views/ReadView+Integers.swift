/// Reading single bytes and integers.
extension ReadView {
  /// One byte.
  ///
  /// - Parameter offset: from 0 to ``count``; anything else ends the program, as with an array.
  @inlinable
  public subscript(offset: Int) -> UInt8 {
    precondition(offset >= 0 && offset < count, "offset out of bounds")
    // Sound: within the bytes, as was just tested.
    return unsafe base.load(fromByteOffset: offset, as: UInt8.self)
  }

  /// One byte, or nil if `offset` is not inside the view. For offsets that a peer chose.
  ///
  /// - Parameter offset: from the start of the view.
  @inlinable
  public borrowing func byte(at offset: Int) -> UInt8? {
    offset >= 0 && offset < count ? self[offset] : nil
  }

  /// Reads an integer, which need not be aligned.
  ///
  /// - Parameters:
  ///   - offset: where its first byte is.
  ///   - type: the integer's type.
  ///   - order: the order of its bytes; as on the network (big) unless told.
  /// - Returns: the integer.
  /// - Throws: ``BufferError/outOfBounds(range:count:)`` if it is not wholly inside the view.
  @inlinable
  public borrowing func load<T: PlainInteger>(
    at offset: Int,
    as type: T.Type = T.self,
    _ order: Endianness = .big
  ) throws(BufferError) -> T {
    try bytes.load(at: offset, as: type, order)
  }
}

extension BufferError {
  /// The error for `length` bytes at `offset`, whatever these are.
  @usableFromInline
  static func outOfBounds(at offset: Int, _ length: Int, count: Int) -> BufferError {
    let (end, overflow) = offset.addingReportingOverflow(max(0, length))
    return .outOfBounds(range: offset..<(overflow ? .max : end), count: count)
  }
}
