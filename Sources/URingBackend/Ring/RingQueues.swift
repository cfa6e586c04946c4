import CLiburing
import Synchronization

/// Where a ring's queues live in memory, however that memory came to be: mapped from the kernel, or plain memory of a
/// test.
///
/// A value of pointers only. It owns nothing; the ``RingDriver`` that made it keeps the memory alive until its
/// `close()`. The layout is that of io_uring_setup(2): the producer writes tails, the consumer writes heads, all of
/// them run freely through the 32-bit range and are masked on use.
@unsafe
struct RingQueues {
  /// Advanced by the kernel when it has consumed submissions.
  let submissionHead: UnsafeMutablePointer<Atomic<UInt32>>
  /// Advanced by us to publish submissions.
  let submissionTail: UnsafeMutablePointer<Atomic<UInt32>>
  /// `IORING_SQ_*`: set by the kernel, for example when completions had to be parked outside the queue.
  let submissionFlags: UnsafeMutablePointer<Atomic<UInt32>>
  /// Number of submission entries, a power of two.
  let submissionEntries: UInt32
  /// The submission entries. The kernel's index array holds the identity, so entry `tail & mask` is the next.
  let submissions: UnsafeMutablePointer<io_uring_sqe>

  /// Advanced by us when we have copied completions out.
  let completionHead: UnsafeMutablePointer<Atomic<UInt32>>
  /// Advanced by the kernel to publish completions.
  let completionTail: UnsafeMutablePointer<Atomic<UInt32>>
  /// Completions that the kernel lost. Zero on every kernel with `IORING_FEAT_NODROP`, save when it ran out of memory.
  let completionOverflow: UnsafeMutablePointer<Atomic<UInt32>>
  /// Number of completion entries, a power of two.
  let completionEntries: UInt32
  /// The completion entries.
  let completions: UnsafeMutablePointer<io_uring_cqe>

  /// Reads 1 in the process that made the ring and 0 in a child that was forked from it, which must not touch the
  /// queues: they are not mapped there.
  let ownerMark: UnsafeMutablePointer<UInt32>
}
