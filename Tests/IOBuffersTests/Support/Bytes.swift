import IOBuffers

extension RawSpan {
  var array: [UInt8] { unsafe withUnsafeBytes { unsafe Array($0) } }
}

extension ReadView {
  borrowing func array() -> [UInt8] { withBytes { $0.array } }
}

extension WriteView {
  borrowing func array() -> [UInt8] { withBytes { $0.array } }
}

extension BufferArena {
  /// An owner whose bytes are `bytes`.
  func buffer(_ bytes: [UInt8]) throws -> PooledBuffer {
    try unsafe allocate(copying: bytes.span.bytes)
  }
}

/// `count` bytes that differ from their neighbours and from zero.
func pattern(_ count: Int, seed: Int = 0) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: 1 + ($0 &* 7 &+ seed &* 31) % 255) }
}
