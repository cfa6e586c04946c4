import CLiburing
import Synchronization

/// The kernel's side of one provided-buffer ring: takes buffers out of the memory that was registered.
/// io_uring_register_buf_ring(3); the layout is that of ``BufferRingMemory``.
@safe
struct BufferGroup {
  /// A buffer that may be filled.
  @safe
  struct Buffer {
    let base: UnsafeMutableRawPointer
    let count: Int

    /// Whether they have a byte in common.
    func overlaps(_ other: Buffer) -> Bool {
      unsafe base < other.base + other.count && other.base < base + count
    }
  }

  // Why the pointers hold: whoever registers the memory keeps it until the group is unregistered, or the ring closed.
  // Entries between our head and the published tail are ours: that is the protocol.
  private let memory: UnsafeMutableRawPointer
  private let tail: UnsafeMutablePointer<Atomic<UInt16>>
  private let mask: UInt16
  private let isIncremental: Bool
  private var head: UInt16 = 0
  /// Up to here entries were looked at: see `nextPosted`.
  private var seen: UInt16 = 0

  init(memory: UnsafeMutableRawPointer, entries: UInt16, isIncremental: Bool) {
    unsafe self.memory = memory
    unsafe tail = (memory + 14).assumingMemoryBound(to: Atomic<UInt16>.self)
    mask = entries &- 1
    self.isIncremental = isIncremental
  }

  @inline(__always)
  private var entry: UnsafeMutableRawPointer { unsafe memory + Int(head & mask) &* 16 }

  /// The buffer at the head; nil when none is posted, or its entry names no memory.
  @inline(__always)
  var first: Buffer? {
    // Acquiring: the entry was written before the tail.
    guard unsafe head != tail.pointee.load(ordering: .acquiring) else { return nil }
    guard let base = unsafe UnsafeMutableRawPointer(bitPattern: UInt(entry.load(as: UInt64.self))) else { return nil }
    return unsafe Buffer(base: base, count: Int(entry.load(fromByteOffset: 8, as: UInt32.self)))
  }

  /// Notes that `count` bytes of the buffer at the head were filled; the flags for the completion that says so.
  ///
  /// An incremental buffer that has room left stays at the head, its entry cut by what is filled, as the kernel does it.
  @inline(__always)
  mutating func fill(_ count: Int) -> UInt32 {
    let room = unsafe Int(entry.load(fromByteOffset: 8, as: UInt32.self))
    let id = unsafe entry.load(fromByteOffset: 12, as: UInt16.self)
    let named = planted(.ringNamesWrongBuffer) ? id ^ 1 : id
    let flags = SLUICE_CQE_BUFFER | UInt32(named) &<< SLUICE_CQE_BUFFER_SHIFT
    guard isIncremental, count < room else {
      head &+= 1
      return flags
    }
    let address = unsafe entry.load(as: UInt64.self)
    let next = planted(.ringFillsFromStart) ? address : address &+ UInt64(count)
    unsafe entry.storeBytes(of: next, as: UInt64.self)
    unsafe entry.storeBytes(of: UInt32(truncatingIfNeeded: room &- count), toByteOffset: 8, as: UInt32.self)
    return flags | SLUICE_CQE_BUFFER_MORE
  }

  // MARK: For the checks of a simulated system

  var publishedTail: UInt16 { unsafe tail.pointee.load(ordering: .acquiring) }

  /// The next buffer that was posted since the last call.
  mutating func nextPosted() -> Buffer? {
    guard seen != publishedTail else { return nil }
    defer { seen &+= 1 }
    return buffer(at: seen)
  }

  /// Whether one of the posted buffers, up to those looked at, has a byte in common with this one. The last of them may be
  /// the very one that is asked about.
  func overlaps(_ other: Buffer, exceptLast: Bool) -> Bool {
    let last = exceptLast ? seen &- 1 : seen
    var position = head
    while position != last {
      if let posted = buffer(at: position), posted.overlaps(other) { return true }
      position &+= 1
    }
    return false
  }

  private func buffer(at position: UInt16) -> Buffer? {
    // An entry between our head and the published tail, as `entry` is.
    let entry = unsafe memory + Int(position & mask) &* 16
    guard let base = unsafe UnsafeMutableRawPointer(bitPattern: UInt(entry.load(as: UInt64.self))) else { return nil }
    return unsafe Buffer(base: base, count: Int(entry.load(fromByteOffset: 8, as: UInt32.self)))
  }
}
