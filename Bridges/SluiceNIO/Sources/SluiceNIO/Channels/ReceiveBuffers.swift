internal import NIOCore

/// The buffers that received bytes are copied into. Each is used again when nobody else has it any more, so that a server which answers what it
/// receives allocates nothing for that.
struct ReceiveBuffers {
  /// As many are kept: what one turn receives, as a rule.
  private static let mostKept = 64
  /// Larger ones are not kept.
  private static let largestKept = 64 << 10
  /// No buffer has less room: messages of one connection are not alike.
  private static let smallest = 2 << 10

  private var kept: [ByteBuffer] = []
  private var next = 0

  /// A buffer with a copy of the bytes.
  mutating func copy(_ bytes: UnsafeRawBufferPointer) -> ByteBuffer {
    guard bytes.count <= ReceiveBuffers.largestKept else { return unsafe ByteBuffer(bytes: bytes) }
    guard kept.count == ReceiveBuffers.mostKept else {
      unsafe kept.append(ReceiveBuffers.make(bytes))
      return kept[kept.count - 1]
    }
    let place = next
    next = (next + 1) % ReceiveBuffers.mostKept
    let isReused: Bool? = kept[place].modifyIfUniquelyOwned { buffer in
      guard buffer.capacity >= bytes.count else { return false }
      buffer.clear()
      unsafe buffer.writeBytes(bytes)
      return true
    }
    if isReused != true { unsafe kept[place] = ReceiveBuffers.make(bytes) }
    return kept[place]
  }

  private static func make(_ bytes: UnsafeRawBufferPointer) -> ByteBuffer {
    var buffer = ByteBufferAllocator().buffer(capacity: max(smallest, bytes.count))
    unsafe buffer.writeBytes(bytes)
    return buffer
  }
}
