/// What went through one provided-buffer ring since its creation. Counters only grow.
struct ProvidedBufferStatistics: Sendable, Equatable {
  /// Slots given to the kernel.
  var posted: UInt64 = 0
  /// Tail advances: turns in which slots were posted.
  var batches: UInt64 = 0
  /// Times the number of posted slots was doubled because the ring ran dry.
  var growths: UInt64 = 0
  /// Times the arena had fewer slots than were wanted.
  var shortfalls: UInt64 = 0
  /// Completions that carried a buffer of this ring.
  var completions: UInt64 = 0
  /// Bytes received.
  var takenBytes: UInt64 = 0
  /// Completions that named a buffer which is not posted, or more bytes than it has left. Always 0, unless the kernel
  /// or a driver is at fault.
  var rejected: UInt64 = 0
}
