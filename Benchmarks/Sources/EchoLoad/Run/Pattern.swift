import IOBuffers

/// The bytes that every message is cut from: one table in one buffer of a loop's arena. What is sent is a slice of it, so
/// that a message costs no memory and no copy, and what a byte must be follows from its position in the stream.
final class Pattern: Sendable {
  /// The bytes repeat after this many: a prime, so that no shift by a slot, a page or a message goes unnoticed.
  static let period = 65_521
  /// The most that one slice can hold.
  static let longestSlice = 1 << 20

  /// All bytes.
  let view: ReadView

  /// Fills the table.
  ///
  /// - Throws: `BufferError` when the arena has no room for it.
  init(in arena: BufferArena) throws(BufferError) {
    var buffer = try arena.allocate(minimumCapacity: Pattern.period + Pattern.longestSlice)
    var random: UInt64 = 88_172_645_463_325_252
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Pattern.period)
    for _ in 0..<Pattern.period {
      // xorshift: any bytes do, as long as neighbours differ.
      random ^= random << 13
      random ^= random >> 7
      random ^= random << 17
      bytes.append(UInt8(truncatingIfNeeded: random >> 32))
    }
    var left = Pattern.period + Pattern.longestSlice
    while left > 0 {
      let piece = min(left, Pattern.period)
      try buffer.append(contentsOf: bytes.prefix(piece))
      left -= piece
    }
    view = try buffer.finish()
  }

  /// The bytes of a stream from `position` on.
  ///
  /// - Parameter count: at most `longestSlice`.
  func slice(at position: UInt64, count: Int) throws(BufferError) -> ReadView {
    let offset = Int(position % UInt64(Pattern.period))
    return try view.slice(offset..<offset + count)
  }

  /// Where `received` first differs from the stream at `position`; nil when all is right.
  func firstDifference(in received: borrowing ReadView, at position: UInt64) -> Int? {
    var done = 0
    while done < received.count {
      let piece = min(received.count - done, Pattern.longestSlice)
      let offset = Int((position + UInt64(done)) % UInt64(Pattern.period))
      let found: Int? = received.withBytes { bytes in
        let actual = bytes.extracting(done..<done + piece)
        return view.withBytes { table in Pattern.firstDifference(actual, table.extracting(offset..<offset + piece)) }
      }
      if let found { return done + found }
      done += piece
    }
    return nil
  }

  private static func firstDifference(_ left: RawSpan, _ right: RawSpan) -> Int? {
    let count = min(left.byteCount, right.byteCount)
    var place = 0
    // Eight at a time: this runs for every byte that is verified.
    while place + 8 <= count {
      let (a, b) = unsafe (
        left.unsafeLoadUnaligned(fromByteOffset: place, as: UInt64.self),
        right.unsafeLoadUnaligned(fromByteOffset: place, as: UInt64.self)
      )
      if a != b { return place + (a ^ b).littleEndian.trailingZeroBitCount / 8 }
      place += 8
    }
    while place < count {
      let (a, b) = unsafe (
        left.unsafeLoad(fromByteOffset: place, as: UInt8.self),
        right.unsafeLoad(fromByteOffset: place, as: UInt8.self)
      )
      if a != b { return place }
      place += 1
    }
    return nil
  }
}
