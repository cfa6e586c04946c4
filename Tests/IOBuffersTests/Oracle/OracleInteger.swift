import IOBuffers

/// An integer of one of the sizes that protocols have, with its byte order. Only the bits that fit count.
struct OracleInteger: Sendable, Hashable {
  let bits: UInt64
  let size: Int
  let isSigned: Bool
  let order: Endianness

  init(bits: UInt64, size: Int, isSigned: Bool, order: Endianness) {
    self.bits = bits
    self.size = size
    self.isSigned = isSigned
    self.order = order
  }

  /// How the oracle names the type: size, sign and order.
  var type: String { "\(size) \(isSigned ? "signed" : "unsigned") \(order)" }
}

extension OracleInteger: CustomStringConvertible {
  /// Value and type, as the oracle wants them.
  var description: String { "\(value) \(type)" }

  private var value: String {
    switch (size, isSigned) {
    case (1, false): "\(UInt8(truncatingIfNeeded: bits))"
    case (1, true): "\(Int8(truncatingIfNeeded: bits))"
    case (2, false): "\(UInt16(truncatingIfNeeded: bits))"
    case (2, true): "\(Int16(truncatingIfNeeded: bits))"
    case (4, false): "\(UInt32(truncatingIfNeeded: bits))"
    case (4, true): "\(Int32(truncatingIfNeeded: bits))"
    case (_, false): "\(bits)"
    case (_, true): "\(Int64(truncatingIfNeeded: bits))"
    }
  }

  func append(to buffer: inout PooledBuffer) throws(BufferError) {
    switch (size, isSigned) {
    case (1, false): try buffer.append(UInt8(truncatingIfNeeded: bits), as: order)
    case (1, true): try buffer.append(Int8(truncatingIfNeeded: bits), as: order)
    case (2, false): try buffer.append(UInt16(truncatingIfNeeded: bits), as: order)
    case (2, true): try buffer.append(Int16(truncatingIfNeeded: bits), as: order)
    case (4, false): try buffer.append(UInt32(truncatingIfNeeded: bits), as: order)
    case (4, true): try buffer.append(Int32(truncatingIfNeeded: bits), as: order)
    case (_, false): try buffer.append(bits, as: order)
    case (_, true): try buffer.append(Int64(truncatingIfNeeded: bits), as: order)
    }
  }

  func store(in view: inout WriteView, at offset: Int) throws(BufferError) {
    switch (size, isSigned) {
    case (1, false): try view.store(UInt8(truncatingIfNeeded: bits), at: offset, order)
    case (1, true): try view.store(Int8(truncatingIfNeeded: bits), at: offset, order)
    case (2, false): try view.store(UInt16(truncatingIfNeeded: bits), at: offset, order)
    case (2, true): try view.store(Int16(truncatingIfNeeded: bits), at: offset, order)
    case (4, false): try view.store(UInt32(truncatingIfNeeded: bits), at: offset, order)
    case (4, true): try view.store(Int32(truncatingIfNeeded: bits), at: offset, order)
    case (_, false): try view.store(bits, at: offset, order)
    case (_, true): try view.store(Int64(truncatingIfNeeded: bits), at: offset, order)
    }
  }

  /// What the view has at the offset, read as an integer of this type.
  func load(from view: borrowing ReadView, at offset: Int) throws(BufferError) -> String {
    switch (size, isSigned) {
    case (1, false): "\(try view.load(at: offset, as: UInt8.self, order))"
    case (1, true): "\(try view.load(at: offset, as: Int8.self, order))"
    case (2, false): "\(try view.load(at: offset, as: UInt16.self, order))"
    case (2, true): "\(try view.load(at: offset, as: Int16.self, order))"
    case (4, false): "\(try view.load(at: offset, as: UInt32.self, order))"
    case (4, true): "\(try view.load(at: offset, as: Int32.self, order))"
    case (_, false): "\(try view.load(at: offset, as: UInt64.self, order))"
    case (_, true): "\(try view.load(at: offset, as: Int64.self, order))"
    }
  }
}
