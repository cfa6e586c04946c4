/// The seam under a ring: owns the queue memory, and answers the two calls that cross into the kernel.
///
/// Everything above works on the memory in ``queues`` and cannot tell drivers apart: ``KernelDriver`` is
/// io_uring itself, a simulator or a test driver plays the kernel's part with plain memory.
///
/// A driver belongs to one thread, the loop's, from its creation to ``close()``.
protocol RingDriver: AnyObject {
  /// The queues. Valid until ``close()``; the pointers never change.
  var queues: RingQueues { get }

  /// What this driver can do. Callers ask here instead of trying a call and looking at the error.
  var features: KernelFeatures { get }

  /// Consumes published submissions and waits for completions: io_uring_enter(2).
  ///
  /// Pending work that produces completions runs also when `waitFor` is 0.
  /// - Parameters:
  ///   - submit: how many published submissions to consume.
  ///   - waitFor: how many completions to wait for. 0 does not wait.
  ///   - timeoutNanoseconds: how long to wait at most, from now; nil waits without limit.
  /// - Returns: the number of submissions consumed, or a negative errno value (`-ETIME` when the time ran out).
  func enter(submit: UInt32, waitFor: UInt32, timeoutNanoseconds: UInt64?) -> Int32

  /// Registers or unregisters something with the ring: io_uring_register(2).
  /// - Returns: zero or more, or a negative errno value.
  func register(_ opcode: UInt32, _ argument: UnsafeMutableRawPointer?, _ count: UInt32) -> Int32

  /// Gives the queue memory back. Idempotent. Operations that still run are cancelled by the kernel in its own time, so
  /// memory that was lent to them is not free yet when this returns: reap their completions first.
  func close()
}
