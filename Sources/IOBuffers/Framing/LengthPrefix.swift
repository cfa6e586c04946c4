/// How the length of a frame is written in front of it. The length counts the frame's bytes, not its own.
public enum LengthPrefix: Sendable, Equatable {
  /// One byte: up to 255.
  case uint8
  /// Two bytes: up to 65,535.
  case uint16(Endianness)
  /// Four bytes.
  case uint32(Endianness)
  /// Eight bytes.
  case uint64(Endianness)
  /// LEB128, as in Protocol Buffers: seven bits in each byte, the lowest first, and the eighth bit says that another one
  /// follows. Up to ten bytes. Zeros at the end, which make it longer than it need be, are accepted and never written.
  case varint

  /// The greatest length that can be written.
  public var largest: UInt64 {
    switch self {
    case .uint8: UInt64(UInt8.max)
    case .uint16: UInt64(UInt16.max)
    case .uint32: UInt64(UInt32.max)
    case .uint64, .varint: .max
    }
  }

  /// The length at the start of the bytes, and how many bytes it is written in; nil if they are not all there.
  ///
  /// - Throws: ``FrameError/malformed(_:)`` for a varint that does not end.
  @inlinable
  func read(_ bytes: borrowing ByteQueue) throws(FrameError) -> (length: UInt64, size: Int)? {
    switch self {
    case .uint8: bytes.first.map { (UInt64($0), 1) }
    case .uint16(let order): (try? bytes.load(at: 0, as: UInt16.self, order)).map { (UInt64($0), 2) }
    case .uint32(let order): (try? bytes.load(at: 0, as: UInt32.self, order)).map { (UInt64($0), 4) }
    case .uint64(let order): (try? bytes.load(at: 0, as: UInt64.self, order)).map { ($0, 8) }
    case .varint: try readVarint(bytes)
    }
  }

  @usableFromInline
  func readVarint(_ bytes: borrowing ByteQueue) throws(FrameError) -> (length: UInt64, size: Int)? {
    var length: UInt64 = 0
    for place in 0..<10 {
      guard let byte = bytes.byte(at: place) else { return nil }
      let bits = UInt64(byte & 0x7F)
      // Of the tenth byte's bits one is the 64th of the length, and the others are beyond.
      if place == 9, bits > 1 { return (.max, 10) }
      length |= bits << UInt64(7 * place)
      if byte < 0x80 { return (length, place + 1) }
    }
    throw .malformed("a varint of more than ten bytes")
  }

  /// How many bytes a length is written in.
  func size(of length: UInt64) -> Int {
    switch self {
    case .uint8: 1
    case .uint16: 2
    case .uint32: 4
    case .uint64: 8
    case .varint: max(1, (70 - length.leadingZeroBitCount) / 7)
    }
  }

  /// Appends a length, for which there is room and which is not above ``largest``.
  func write(_ length: UInt64, to output: inout OutputBytes) throws(BufferError) {
    switch self {
    case .uint8: try output.append(UInt8(truncatingIfNeeded: length))
    case .uint16(let order): try output.append(UInt16(truncatingIfNeeded: length), as: order)
    case .uint32(let order): try output.append(UInt32(truncatingIfNeeded: length), as: order)
    case .uint64(let order): try output.append(length, as: order)
    case .varint:
      var rest = length
      while rest > 0x7F {
        try output.append(UInt8(truncatingIfNeeded: rest) | 0x80)
        rest >>= 7
      }
      try output.append(UInt8(truncatingIfNeeded: rest))
    }
  }
}
