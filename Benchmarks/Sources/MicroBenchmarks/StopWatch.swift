import Glibc

/// CLOCK_MONOTONIC.
enum StopWatch {
  /// Nanoseconds that `body` takes.
  static func time<E: Error>(_ body: () throws(E) -> Void) throws(E) -> UInt64 {
    let start = now()
    try body()
    return now() - start
  }

  static func now() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
