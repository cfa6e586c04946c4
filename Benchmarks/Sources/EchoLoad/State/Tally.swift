import Histogram

/// What one loop counted in one phase. Plain values; a loop's own while the phase runs.
struct Tally {
  /// An hour, in nanoseconds: longer latencies are recorded as this.
  private static let longest: UInt64 = 3_600_000_000_000

  /// Messages, deliveries (fan-out) or cycles (churn) that were completed.
  var messages: UInt64 = 0
  /// Bytes that came back.
  var bytes: UInt64 = 0
  /// Rounds of a fan-out.
  var rounds: UInt64 = 0
  /// Open loop: messages that went out too long after their time because the load itself was late.
  var late: UInt64 = 0
  /// Open loop: messages that waited because their connection had all it may have in flight.
  var held: UInt64 = 0
  /// Open loop: the most nanoseconds that a message went out after its time.
  var latest: UInt64 = 0
  /// The clock's nanoseconds.
  var begin: UInt64 = 0
  var end: UInt64 = 0
  /// Turns of the loop: about one system call each.
  var turns: UInt64 = 0
  /// What the loop's thread used of its core.
  var threadTime = ProcessorTime()
  /// Nanoseconds, to three digits.
  private(set) var latencies = Histogram<UInt64>(
    lowestDiscernibleValue: 1,
    highestTrackableValue: Tally.longest,
    numberOfSignificantValueDigits: .three
  )

  /// Seconds from the phase's begin to its last reply.
  var seconds: Double { end > begin ? Double(end - begin) / 1e9 : 0 }

  /// How much of the time the loop's thread was busy, from 0 to 1.
  var busy: Double { seconds > 0 ? threadTime.total / seconds : 0 }

  /// How many latencies were recorded.
  var recorded: UInt64 { latencies.totalCount }

  mutating func record(_ nanoseconds: UInt64, count: Int = 1) {
    latencies.record(min(nanoseconds, Tally.longest), count: UInt64(count))
  }

  /// Messages of a stream are whole: records how long each took, and takes them out of the stream.
  @inline(__always)
  mutating func finish(_ count: Int, of stream: inout MessageStream, at now: UInt64) {
    messages += UInt64(count)
    stream.finish(count) { start, count in record(now &- start, count: count) }
  }

  /// Microseconds below which `percent` of the latencies lie; 0 when there are none.
  func percentile(_ percent: Double) -> Double {
    recorded == 0 ? 0 : Double(latencies.valueAtPercentile(percent)) / 1000
  }

  /// Microseconds; 0 when there are none.
  var mean: Double { recorded == 0 ? 0 : latencies.mean / 1000 }

  /// Microseconds; 0 when there are none.
  var longest: Double { recorded == 0 ? 0 : Double(latencies.max) / 1000 }

  /// Adds another loop's figures of the same phase.
  static func += (left: inout Tally, right: Tally) {
    left.messages += right.messages
    left.bytes += right.bytes
    left.rounds += right.rounds
    left.late += right.late
    left.held += right.held
    left.latest = max(left.latest, right.latest)
    left.begin = left.begin == 0 ? right.begin : min(left.begin, right.begin)
    left.end = max(left.end, right.end)
    left.turns += right.turns
    left.threadTime += right.threadTime
    left.latencies.add(right.latencies)
  }
}
