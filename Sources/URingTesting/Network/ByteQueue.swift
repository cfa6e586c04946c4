/// Bytes in the order in which they came, in a ring of memory that grows when it must.
struct ByteQueue: Sendable {
  // Empty, or a power of two in size.
  private var storage: [UInt8] = []
  private var head = 0
  private(set) var count = 0

  /// Adds copies of these bytes.
  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count > 0 else { return }
    reserve(count + bytes.count)
    let tail = (head + count) & (storage.count - 1)
    let first = min(bytes.count, storage.count - tail)
    // There is room for all: up to the end of the storage, and the rest from its start.
    unsafe storage.withUnsafeMutableBytes { memory in
      unsafe UnsafeMutableRawBufferPointer(rebasing: memory[tail...]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[..<first])
      )
      unsafe memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[first...]))
    }
    count += bytes.count
  }

  /// Takes the first bytes, which must be there.
  mutating func take(into target: UnsafeMutableRawBufferPointer) {
    guard target.count > 0 else { return }
    precondition(target.count <= count)
    let first = min(target.count, storage.count - head)
    unsafe storage.withUnsafeBytes { memory in
      unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[head..<(head + first)]))
      if first < target.count {
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[first...]).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: memory[..<(target.count - first)])
        )
      }
    }
    head = (head + target.count) & (storage.count - 1)
    count -= target.count
  }

  /// Drops the bytes behind the first `length`.
  mutating func truncate(to length: Int) { count = min(count, length) }

  /// Drops all bytes; the memory is kept.
  mutating func removeAll() {
    head = 0
    count = 0
  }

  private mutating func reserve(_ capacity: Int) {
    guard capacity > storage.count else { return }
    var size = max(storage.count, 256)
    while size < capacity { size *= 2 }
    var grown = [UInt8](repeating: 0, count: size)
    for index in 0..<count { grown[index] = storage[(head + index) & (storage.count - 1)] }
    storage = grown
    head = 0
  }
}
