internal import CLiburing
internal import Glibc

/// The clock that a loop measures by: CLOCK_MONOTONIC in nanoseconds, the one that io_uring_enter(2) times out on; over a
/// simulated kernel, that one's.
struct LoopClock: Sendable {
  /// Reads a clock that is not the system's; nil: the system's.
  var virtual: (@Sendable () -> UInt64)?

  @inline(__always)
  func now() -> UInt64 {
    if let virtual { return virtual() }
    return LoopClock.now()
  }

  static func now() -> UInt64 {
    var time = timespec()
    // Writes to the variable, which outlives the call.
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }

  /// The instant `duration` after `start`; saturates instead of overflowing.
  static func deadline(after duration: Duration, from start: UInt64) -> UInt64 {
    let (seconds, attoseconds) = duration.components
    guard seconds >= 0, attoseconds >= 0 else { return start }
    let (scaled, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return .max }
    // Rounded up: a timer must never fire early.
    let (nanoseconds, carry) = scaled.addingReportingOverflow((UInt64(attoseconds) + 999_999_999) / 1_000_000_000)
    guard !carry else { return .max }
    let (deadline, late) = start.addingReportingOverflow(nanoseconds)
    return late ? .max : deadline
  }
}
