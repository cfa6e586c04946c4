import Glibc

/// Time on a processor, in seconds, as getrusage(2) counts it: the sum is exact, the split is scaled from clock ticks.
struct ProcessorTime: Equatable {
  var user = 0.0
  var system = 0.0

  var total: Double { user + system }

  /// All threads of this process.
  static func ofProcess() -> ProcessorTime { read(0) }

  /// The calling thread.
  static func ofThread() -> ProcessorTime { read(1) }

  static func - (left: ProcessorTime, right: ProcessorTime) -> ProcessorTime {
    ProcessorTime(user: left.user - right.user, system: left.system - right.system)
  }

  static func += (left: inout ProcessorTime, right: ProcessorTime) {
    left.user += right.user
    left.system += right.system
  }

  /// - Parameter who: RUSAGE_SELF or RUSAGE_THREAD, of which Swift's Glibc has the second one only sometimes.
  private static func read(_ who: __rusage_who_t) -> ProcessorTime {
    var usage = rusage()
    unsafe getrusage(who, &usage)
    return ProcessorTime(user: seconds(usage.ru_utime), system: seconds(usage.ru_stime))
  }

  private static func seconds(_ time: timeval) -> Double {
    Double(time.tv_sec) + Double(time.tv_usec) / 1e6
  }
}
