import CLiburing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The kernel's side of one provided-buffer ring: reads entries from the memory that was registered.
@safe
struct ScriptedBufferGroup {
  /// One posted buffer, as its entry says.
  struct Entry: Equatable {
    var address: UInt64
    var count: UInt32
    var id: UInt16
  }

  let entries: Int
  let isIncremental: Bool
  private let memory: UnsafeMutableRawPointer
  private var head: UInt16 = 0
  /// Bytes of the buffer at the head that are filled.
  private var filled = 0

  init(memory: UnsafeMutableRawPointer, entries: Int, isIncremental: Bool) {
    self.entries = entries
    self.isIncremental = isIncremental
    unsafe self.memory = memory
  }

  /// The tail as published.
  var tail: UInt16 { unsafe memory.load(fromByteOffset: 14, as: UInt16.self) }

  /// The buffers between head and tail, in ring order.
  var posted: [Entry] {
    (0..<Int(tail &- head)).map { entry(at: head &+ UInt16($0)) }
  }

  /// Puts bytes into the buffer at the head.
  /// - Returns: how many fitted, and the completion's flags; nil when nothing is posted.
  mutating func fill(_ bytes: [UInt8]) -> (count: Int, flags: UInt32)? {
    guard head != tail else { return nil }
    let entry = entry(at: head)
    let room = Int(entry.count) - filled
    let count = min(room, bytes.count)
    if let base = unsafe UnsafeMutableRawPointer(bitPattern: UInt(entry.address)) {
      unsafe Self.unpoison?(base + filled, count)
      unsafe (base + filled).copyMemory(from: Array(bytes[..<count]), byteCount: count)
    }
    let flags = SLUICE_CQE_BUFFER | UInt32(entry.id) << SLUICE_CQE_BUFFER_SHIFT
    if isIncremental, count < room {
      filled += count
      return (count, flags | SLUICE_CQE_BUFFER_MORE)
    }
    advance()
    return (count, flags)
  }

  /// Uses the buffer at the head up without filling it, as a failed operation may; its completion's flags.
  mutating func consumeHead() -> UInt32? {
    guard head != tail else { return nil }
    defer { advance() }
    return SLUICE_CQE_BUFFER | UInt32(entry(at: head).id) << SLUICE_CQE_BUFFER_SHIFT
  }

  /// With the address sanitizer loaded, what the kernel holds is poisoned, and unlike the kernel we are checked.
  private static let unpoison = unsafe dlsym(nil, "__asan_unpoison_memory_region").map { symbol in
    unsafe unsafeBitCast(symbol, to: (@convention(c) (UnsafeMutableRawPointer, Int) -> Void).self)
  }

  private mutating func advance() {
    head &+= 1
    filled = 0
  }

  private func entry(at index: UInt16) -> Entry {
    let offset = (Int(index) & (entries - 1)) * 16
    return unsafe Entry(
      address: memory.load(fromByteOffset: offset, as: UInt64.self),
      count: memory.load(fromByteOffset: offset + 8, as: UInt32.self),
      id: memory.load(fromByteOffset: offset + 12, as: UInt16.self)
    )
  }
}
