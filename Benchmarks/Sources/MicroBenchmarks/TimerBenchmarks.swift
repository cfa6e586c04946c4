/// The deadlines of a loop.
enum TimerBenchmarks {
  static let all: [Benchmark] = [
    Benchmark(name: "timer: arm, cancel (10 others armed)") { armAndCancel(others: 10, $0) },
    Benchmark(name: "timer: arm, cancel (10,000 others armed)") { armAndCancel(others: 10_000, $0) },
  ]

  private static func armAndCancel(others: Int, _ operations: Int) -> UInt64 {
    var timers = TimerQueue<UInt64>()
    for index in 0..<UInt64(others) { _ = timers.arm(1_000_000 + index, index) }
    return StopWatch.time {
      for index in 0..<UInt64(truncatingIfNeeded: operations) {
        let handle = timers.arm(2_000_000 + index, index)
        if let target = timers.cancel(handle) { BlackHole.take(Int(truncatingIfNeeded: target)) }
      }
    }
  }
}
