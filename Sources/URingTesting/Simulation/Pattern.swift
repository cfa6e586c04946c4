/// Bytes that tell where they stand: each stream has its own, and a hole, a repetition or a mix-up shows.
struct Pattern: Equatable, Sendable {
  let stream: Int

  /// The byte at an offset of the stream.
  func byte(at offset: Int) -> UInt8 {
    var word = UInt64(truncatingIfNeeded: offset >> 3) &+ UInt64(truncatingIfNeeded: stream) &* 0x9E37_79B9_7F4A_7C15
    word = (word ^ (word >> 31)) &* 0xBF58_476D_1CE4_E5B9
    return UInt8(truncatingIfNeeded: (word ^ (word >> 29)) >> UInt64((offset & 7) * 8))
  }

  /// So many bytes from an offset on.
  func bytes(from offset: Int, count: Int) -> [UInt8] {
    (offset..<offset + count).map { byte(at: $0) }
  }
}
