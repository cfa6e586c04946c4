/// Writing bytes and integers in place.
extension WriteView {
  /// One byte.
  ///
  /// - Parameter offset: from 0 to ``count``; anything else ends the program, as with an array.
  @inlinable
  public subscript(offset: Int) -> UInt8 {
    get {
      precondition(offset >= 0 && offset < count, "offset out of bounds")
      // Sound: within the bytes, as was just tested.
      return unsafe base.load(fromByteOffset: offset, as: UInt8.self)
    }
    set {
      precondition(offset >= 0 && offset < count, "offset out of bounds")
      // Sound: within the bytes, as was just tested.
      unsafe base.storeBytes(of: newValue, toByteOffset: offset, as: UInt8.self)
    }
  }

  /// Writes an integer, which need not be aligned.
  ///
  /// - Parameters:
  ///   - integer: what to write.
  ///   - offset: where its first byte goes.
  ///   - order: the order of its bytes; as on the network (big) unless told.
  /// - Throws: ``BufferError/outOfBounds(range:count:)`` if it is not wholly inside the view.
  @inlinable
  public mutating func store<T: PlainInteger>(
    _ integer: T,
    at offset: Int,
    _ order: Endianness = .big
  ) throws(BufferError) {
    guard offset >= 0, offset <= count &- MemoryLayout<T>.size else {
      throw .outOfBounds(at: offset, MemoryLayout<T>.size, count: count)
    }
    _ = T._seal
    let raw = order == .big ? integer.bigEndian : integer.littleEndian
    // Sound: within the bytes, as was tested; the seal says that all of the integer's bits are its value.
    unsafe base.storeBytes(of: raw, toByteOffset: offset, as: T.self)
  }

  /// Writes the same byte everywhere in a part of the view.
  ///
  /// - Parameters:
  ///   - range: offsets into this view.
  ///   - byte: what to write.
  /// - Throws: ``BufferError/outOfBounds(range:count:)``; nothing is written then.
  @inlinable
  public mutating func fill(_ range: Range<Int>, with byte: UInt8) throws(BufferError) {
    guard range.lowerBound >= 0, range.upperBound <= count else { throw .outOfBounds(range: range, count: count) }
    // Sound: within the bytes, as was just tested.
    unsafe (base + range.lowerBound).initializeMemory(as: UInt8.self, repeating: byte, count: range.count)
  }

  /// Copies bytes into the view.
  ///
  /// - Parameters:
  ///   - bytes: what to copy.
  ///   - offset: where the first one goes.
  /// - Throws: ``BufferError/outOfBounds(range:count:)`` if they do not wholly fit.
  @inlinable
  public mutating func store(_ bytes: RawSpan, at offset: Int) throws(BufferError) {
    guard offset >= 0, offset <= count &- bytes.byteCount else {
      throw .outOfBounds(at: offset, bytes.byteCount, count: count)
    }
    // Sound: the source is a span's, and fits, as was just tested; memory of another view cannot overlap a writer's.
    unsafe bytes.withUnsafeBytes { source in
      guard let from = source.baseAddress else { return }
      unsafe (base + offset).copyMemory(from: from, byteCount: source.count)
    }
  }
}
