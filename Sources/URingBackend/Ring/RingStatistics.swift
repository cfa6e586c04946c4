/// What a ring did since its creation. Counters only grow.
struct RingStatistics: Sendable, Equatable {
  /// System calls that submit or wait: io_uring_enter(2).
  var enters: UInt64 = 0
  /// Enters that were forced because the submission queue was full.
  var forcedEnters: UInt64 = 0
  /// Submissions that the kernel consumed.
  var submissions: UInt64 = 0
  /// Completions taken from the queue.
  var completions: UInt64 = 0
}
