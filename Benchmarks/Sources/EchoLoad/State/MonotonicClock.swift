import Glibc

/// CLOCK_MONOTONIC in nanoseconds, the clock that loops measure by. See clock_gettime(2).
enum MonotonicClock {
  static func now() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }
}
