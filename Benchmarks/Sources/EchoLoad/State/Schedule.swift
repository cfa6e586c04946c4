/// When each message of an open loop is meant to go out: evenly spaced, whatever comes back. A pure value.
struct Schedule {
  /// The clock's nanoseconds of message 0.
  let start: UInt64
  /// Nanoseconds from one message to the next.
  let interval: Double
  /// How many messages there are.
  let count: UInt64
  /// Messages whose time has come.
  private(set) var due: UInt64 = 0

  /// - Parameters:
  ///   - start: the clock's nanoseconds of message 0.
  ///   - rate: messages a second, more than 0.
  ///   - count: how many there are.
  init(start: UInt64, rate: Double, count: UInt64) {
    self.start = start
    interval = 1e9 / rate
    self.count = count
  }

  /// Whether every message has had its time.
  var isOver: Bool { due >= count }

  /// When message `index` is meant to go out.
  func time(of index: UInt64) -> UInt64 {
    start + UInt64(Double(index) * interval)
  }

  /// The next message, if its time has come.
  mutating func next(now: UInt64) -> (index: UInt64, time: UInt64)? {
    guard due < count else { return nil }
    let time = time(of: due)
    guard time <= now else { return nil }
    defer { due += 1 }
    return (due, time)
  }

  /// When the next message is due; nil when there is none.
  var nextTime: UInt64? { due < count ? time(of: due) : nil }
}
