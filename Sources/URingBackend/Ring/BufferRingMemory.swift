import CLiburing
import Synchronization
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The memory of one provided-buffer ring, as io_uring_register_buf_ring(3) lays it out: 16-byte entries (address,
/// length, buffer id), and a 16-bit tail inside the first one's reserved bytes.
///
/// Owns a mapping, and gives it back when it goes. The kernel pins the pages while it knows the ring, so that is safe
/// at any time; buffers that are in the ring then are lost to both sides, though, so unregister first.
@safe
struct BufferRingMemory: ~Copyable {
  /// Number of entries, a power of two, at most 32768.
  let entries: Int
  // Why the pointers hold: `base` is a mapping of `mappedBytes` of this value's own until it goes, and `tail` is a place in
  // its first entry, aligned to two bytes, which an atomic of 16 bits takes up as the plain number does.
  private let base: UnsafeMutableRawPointer
  private let tail: UnsafeMutablePointer<Atomic<UInt16>>
  private let mappedBytes: Int

  private static var entryBytes: Int { 16 }
  private static var tailOffset: Int { 14 }

  /// The largest ring that the kernel takes.
  static var maximumEntries: Int { 32_768 }

  /// Maps memory for `entries` buffers; nil when there is none, or `entries` is no power of two in 1...32768.
  init?(entries: Int) {
    guard entries > 0, entries <= Self.maximumEntries, entries & (entries - 1) == 0 else { return nil }
    // A mapping of its own: the kernel wants whole pages, and pins them. Anonymous, so it touches no other memory; a
    // failure is the address -1.
    let bytes = entries * Self.entryBytes
    let mapping = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let mapping = unsafe mapping, unsafe mapping != UnsafeMutableRawPointer(bitPattern: -1) else { return nil }
    _ = unsafe madvise(mapping, bytes, Int32(MADV_DONTFORK))
    self.entries = entries
    mappedBytes = bytes
    unsafe base = mapping
    unsafe tail = (mapping + Self.tailOffset).assumingMemoryBound(to: Atomic<UInt16>.self)
  }

  /// Makes the ring known as group `group`: `IORING_REGISTER_PBUF_RING` of io_uring_register(2).
  /// - Parameter incremental: let several operations fill one buffer, one after the other.
  /// - Returns: 0 or a negative errno value.
  func register(with ring: Ring, group: UInt16, incremental: Bool) -> Int32 {
    unsafe withRegistration(group: group, flags: incremental ? UInt16(SLUICE_PBUF_RING_INC) : 0) { registration in
      // The argument that the opcode asks for, there for as long as the call. The same below.
      unsafe ring.register(SLUICE_REGISTER_PBUF_RING, registration, 1)
    }
  }

  /// Makes the kernel forget the group. Buffers that an operation has already taken may still appear in completions.
  /// - Returns: 0 or a negative errno value.
  func unregister(from ring: Ring, group: UInt16) -> Int32 {
    unsafe withRegistration(group: group, flags: 0) { registration in
      unsafe ring.register(SLUICE_UNREGISTER_PBUF_RING, registration, 1)
    }
  }

  /// Writes the entry at a ring position, the tail or one behind it. The kernel sees it once the tail is published.
  ///
  /// Positions run freely through the 16-bit range. Not mutating: whoever posts keeps the tail, as a plain number, so
  /// that this value can be a constant of a class and is read without exclusivity checks.
  @inline(__always)
  func set(_ position: UInt16, base buffer: UnsafeMutableRawPointer, count: UInt32, id: UInt16) {
    // Masked, so inside of the mapping, and at a multiple of 16 bytes. Entries behind the tail are ours alone.
    let offset = (Int(position) & (entries &- 1)) &* Self.entryBytes
    // Field by field: storing a whole entry would write the tail, which lies in the last two bytes of entry 0.
    unsafe base.storeBytes(of: UInt64(UInt(bitPattern: buffer)), toByteOffset: offset, as: UInt64.self)
    unsafe base.storeBytes(of: count, toByteOffset: offset &+ 8, as: UInt32.self)
    unsafe base.storeBytes(of: id, toByteOffset: offset &+ 12, as: UInt16.self)
  }

  /// Shows the kernel all entries before `tail`, and that it is the next to be written.
  @inline(__always)
  func publish(tail newTail: UInt16) {
    // The kernel reads it with acquiring order, and so sees the entries.
    unsafe tail.pointee.store(newTail, ordering: .releasing)
  }

  deinit {
    // Noncopyable, so once, and nobody has the pointer any more but the kernel, which has its own hold of the pages.
    _ = unsafe munmap(base, mappedBytes)
  }

  /// `struct io_uring_buf_reg`, written by offsets: its field names differ between header versions.
  private func withRegistration(group: UInt16, flags: UInt16, _ body: (UnsafeMutableRawPointer) -> Int32) -> Int32 {
    // Forty bytes, each written before the call, every field inside and aligned; gone when this returns.
    unsafe withUnsafeTemporaryAllocation(byteCount: 40, alignment: 8) { registration in
      guard let registration = registration.baseAddress else { return -Errno.noMemory.rawValue }
      unsafe registration.initializeMemory(as: UInt8.self, repeating: 0, count: 40)
      unsafe registration.storeBytes(of: UInt64(UInt(bitPattern: base)), toByteOffset: 0, as: UInt64.self)
      unsafe registration.storeBytes(of: UInt32(entries), toByteOffset: 8, as: UInt32.self)
      unsafe registration.storeBytes(of: group, toByteOffset: 12, as: UInt16.self)
      unsafe registration.storeBytes(of: flags, toByteOffset: 14, as: UInt16.self)
      return unsafe body(registration)
    }
  }
}
