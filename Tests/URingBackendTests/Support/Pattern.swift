#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A stream of bytes in which every byte tells where it belongs: a block of noise whose length is prime, repeated. A byte
/// that is lost, doubled or out of place shows, whatever the sizes of slots and messages.
struct Pattern: Sendable {
  static let period = 65_521
  /// The most bytes that can be had in one piece.
  static let longest = 65_536

  private static let noise: [UInt8] = {
    var generator = Noise(seed: 42)
    let block = (0..<period).map { _ in UInt8(truncatingIfNeeded: generator.next() >> 32) }
    return block + block + block
  }()

  private let start: Int

  /// Streams of different seeds differ.
  init(seed: Int = 0) {
    start = seed &* 7919 % Pattern.period
  }

  /// Calls `body` with `count` bytes from `offset` on.
  func withBytes<R>(at offset: Int, count: Int, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    precondition(count <= Pattern.longest)
    let first = (start + offset) % Pattern.period
    return try unsafe Pattern.noise.withUnsafeBytes { noise in
      try unsafe body(UnsafeRawBufferPointer(rebasing: noise[first..<first + count]))
    }
  }

  /// `count` bytes from `offset` on, copied.
  func bytes(at offset: Int = 0, count: Int) -> [UInt8] {
    var result: [UInt8] = []
    while result.count < count {
      unsafe withBytes(at: offset + result.count, count: min(count - result.count, Pattern.longest)) {
        unsafe result.append(contentsOf: $0)
      }
    }
    return result
  }

  /// Whether `bytes` are those of the stream from `offset` on.
  func matches(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
    var start = 0
    while start < bytes.count {
      let count = min(bytes.count - start, Pattern.longest)
      let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
      let isEqual = unsafe withBytes(at: offset + start, count: count) { expected in
        guard let base = piece.baseAddress, let other = expected.baseAddress else { return false }
        return unsafe memcmp(base, other, count) == 0
      }
      guard isEqual else { return false }
      start += count
    }
    return true
  }
}

/// SplitMix64: the same seed gives the same run on every machine.
struct Noise: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
