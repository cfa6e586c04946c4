import CLiburing
import Synchronization

extension RingQueues {
  /// The queues that liburing mapped, with the kernel's index array set to the identity.
  ///
  /// Nil if liburing left a pointer out, which it does not after a successful set-up.
  init?(_ ring: io_uring, ownerMark: UnsafeMutablePointer<UInt32>) {
    guard
      let submissionHead = unsafe ring.sq.khead, let submissionTail = unsafe ring.sq.ktail,
      let submissionFlags = unsafe ring.sq.kflags, let submissions = unsafe ring.sq.sqes,
      let completionHead = unsafe ring.cq.khead, let completionTail = unsafe ring.cq.ktail,
      let completionOverflow = unsafe ring.cq.koverflow, let completions = unsafe ring.cq.cqes
    else { return nil }
    let entries = unsafe ring.sq.ring_entries
    // Submission queue slots name entries by index. We fill entries in ring order, so the indirection is fixed once.
    // Newer liburing asks for a ring without the array, and then gives no pointer. It has as many places as the queue.
    if let array = unsafe ring.sq.array {
      for index in 0..<Int(entries) {
        unsafe array[index] = UInt32(index)
      }
    }
    // liburing's pointers into its mappings, which live until `io_uring_queue_exit`: the driver's `close`.
    unsafe self.init(
      submissionHead: Self.atomic(submissionHead),
      submissionTail: Self.atomic(submissionTail),
      submissionFlags: Self.atomic(submissionFlags),
      submissionEntries: entries,
      submissions: submissions,
      completionHead: Self.atomic(completionHead),
      completionTail: Self.atomic(completionTail),
      completionOverflow: Self.atomic(completionOverflow),
      completionEntries: ring.cq.ring_entries,
      completions: completions,
      ownerMark: ownerMark
    )
  }

  /// The kernel's words are plain 32-bit integers; ours are the same memory with atomic access. An atomic has the size and
  /// the alignment of what it holds, and nobody accesses these words otherwise.
  static func atomic(_ word: UnsafeMutablePointer<UInt32>) -> UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe UnsafeMutableRawPointer(word).assumingMemoryBound(to: Atomic<UInt32>.self)
  }
}
