/// Reading integers and numbers, wherever their bytes are.
extension ByteQueue {
  /// Reads an integer, which need be neither aligned nor in one view.
  ///
  /// - Parameters:
  ///   - offset: where its first byte is.
  ///   - type: the integer's type.
  ///   - order: the order of its bytes; as on the network (big) unless told.
  /// - Returns: the integer.
  /// - Throws: ``BufferError/outOfBounds(range:count:)`` if there are not so many bytes.
  @inlinable
  public borrowing func load<T: PlainInteger>(
    at offset: Int,
    as type: T.Type = T.self,
    _ order: Endianness = .big
  ) throws(BufferError) -> T {
    guard offset >= 0, offset <= total &- MemoryLayout<T>.size else {
      throw .outOfBounds(at: offset, MemoryLayout<T>.size, count: total)
    }
    _ = T._seal
    var raw: T = 0
    if let first = head, offset <= Int(first.count) &- MemoryLayout<T>.size {
      // Sound: within the first view's bytes, as was tested; the seal says that all patterns of bits are values.
      raw = unsafe first.base.loadUnaligned(fromByteOffset: offset, as: T.self)
    } else {
      // Sound: so many bytes are there, as was tested, and all of the integer's are replaced.
      unsafe withUnsafeMutableBytes(of: &raw) { unsafe copyInteger(from: offset, to: $0) }
    }
    return order == .big ? T(bigEndian: raw) : T(littleEndian: raw)
  }

  /// Takes an integer off the front.
  ///
  /// - Parameters:
  ///   - type: the integer's type.
  ///   - order: the order of its bytes; as on the network (big) unless told.
  /// - Returns: the integer; nil, and the queue is unchanged, if there are not yet so many bytes.
  @inlinable
  public mutating func takeInteger<T: PlainInteger>(as type: T.Type = T.self, _ order: Endianness = .big) -> T? {
    guard let integer = try? load(at: 0, as: T.self, order) else { return nil }
    drop(MemoryLayout<T>.size)
    return integer
  }

  /// Takes one byte off the front.
  ///
  /// - Returns: the byte; nil if the queue is empty.
  @inlinable
  public mutating func takeByte() -> UInt8? {
    guard let byte = first else { return nil }
    drop(1)
    return byte
  }

  /// The number that the bytes are the decimal digits of.
  ///
  /// - Parameter range: offsets of the digits; all bytes unless told.
  /// - Returns: nil unless there are digits and nothing else (no sign, no blank), and the number fits into an `Int`; nil
  ///   also for a range that is not within the queue.
  public borrowing func decimal(in range: Range<Int>? = nil) -> Int? {
    number(10, range ?? 0..<total)
  }

  /// The number that the bytes are the hexadecimal digits of, large or small.
  ///
  /// - Parameter range: offsets of the digits; all bytes unless told.
  /// - Returns: nil unless there are digits and nothing else (no sign, no `0x`), and the number fits into an `Int`; nil
  ///   also for a range that is not within the queue.
  public borrowing func hexadecimal(in range: Range<Int>? = nil) -> Int? {
    number(16, range ?? 0..<total)
  }

  private borrowing func number(_ radix: Int, _ range: Range<Int>) -> Int? {
    guard range.lowerBound >= 0, range.upperBound <= total, !range.isEmpty else { return nil }
    var number = 0
    var isNumber = true
    forEachPart(range) { isNumber = isNumber && $0.append(radix, to: &number) }
    return isNumber ? number : nil
  }

  @inline(never)
  @usableFromInline
  borrowing func copyInteger(from offset: Int, to target: UnsafeMutableRawBufferPointer) {
    guard let base = target.baseAddress else { return }
    unsafe copyBytes(offset..<offset + target.count, to: base)
  }
}
