import CLiburing
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The memory of the two queues of a ring in user space: one mapping, laid out as io_uring's own two are.
@safe
struct QueueMemory: ~Copyable {
  // Why the pointers hold: `queues` points into `base`, a mapping of `mappedBytes` of this value's own until it goes, at
  // distances that keep its parts apart and aligned: a cache line for each word, then the entries.
  let queues: RingQueues
  private let base: UnsafeMutableRawPointer
  private let mappedBytes: Int

  /// The largest submission queue, as io_uring_setup(2) has it. The completion queue may be twice as large.
  static var maximumEntries: UInt32 { 32_768 }
  private static var line: Int { 64 }

  /// Rounds both numbers up to powers of two, and down to the largest there may be. Nil when there is no memory.
  init?(entries: UInt32, completionEntries: UInt32) {
    let entries = Self.power(min(max(entries, 1), Self.maximumEntries))
    let completions = Self.power(min(max(completionEntries, entries), 2 * Self.maximumEntries))
    let submissionBytes = Int(entries) * MemoryLayout<io_uring_sqe>.stride
    let completionBytes = Int(completions) * MemoryLayout<io_uring_cqe>.stride
    let bytes = 8 * Self.line + submissionBytes + completionBytes
    // Anonymous, so it touches no other memory; a failure is the address -1.
    let mapping = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let mapping = unsafe mapping, unsafe mapping != UnsafeMutableRawPointer(bitPattern: -1) else { return nil }
    // A forked child reads zeroes, the owner's mark among them, and leaves the queues alone.
    _ = unsafe madvise(mapping, bytes, Int32(MADV_WIPEONFORK))
    func word(_ index: Int) -> UnsafeMutablePointer<UInt32> {
      unsafe (mapping + index * Self.line).bindMemory(to: UInt32.self, capacity: 1)
    }
    let sqes = unsafe mapping + 8 * Self.line
    unsafe queues = RingQueues(
      submissionHead: RingQueues.atomic(word(0)),
      submissionTail: RingQueues.atomic(word(1)),
      submissionFlags: RingQueues.atomic(word(2)),
      submissionEntries: entries,
      submissions: sqes.bindMemory(to: io_uring_sqe.self, capacity: Int(entries)),
      completionHead: RingQueues.atomic(word(3)),
      completionTail: RingQueues.atomic(word(4)),
      completionOverflow: RingQueues.atomic(word(5)),
      completionEntries: completions,
      completions: (sqes + submissionBytes).bindMemory(to: io_uring_cqe.self, capacity: Int(completions)),
      ownerMark: word(6)
    )
    unsafe queues.ownerMark.pointee = 1
    unsafe base = mapping
    mappedBytes = bytes
  }

  private static func power(_ number: UInt32) -> UInt32 {
    number & (number - 1) == 0 ? number : 1 << (32 - UInt32(number.leadingZeroBitCount))
  }

  deinit {
    // Noncopyable, so once. The driver that owns it is closed, and with it the ring, which was the other user.
    _ = unsafe munmap(base, mappedBytes)
  }
}
