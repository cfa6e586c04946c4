/// Decides whether a loop that has nothing to do looks at its queue for a while before it sleeps.
///
/// That pays while waits are shorter than the limit, so it goes by the average of the last few. One long pause
/// ends the spinning; a handful of short waits bring it back.
struct SpinPolicy: Equatable {
  /// The longest spin, in nanoseconds; zero: none.
  let limit: UInt64
  /// Of recent waits, the last ones weighing most.
  private(set) var average: UInt64 = 0

  /// A wait counts as no more than this many limits, so that a pause of hours is forgotten as soon as one of a moment.
  static let longest: UInt64 = 16

  init(limit: UInt64) {
    self.limit = min(limit, 1_000_000_000)
  }

  var isOn: Bool { limit > 0 }

  /// Whether the next wait is likely to be short enough. A wait that ends in a wake-up is longer by the wake-up, hence
  /// the factor.
  var isWorthwhile: Bool { limit > 0 && average <= 2 * limit }

  /// A wait is over, spun or slept.
  mutating func note(wait: UInt64) {
    average = average - average / 8 + min(wait, SpinPolicy.longest * limit) / 8
  }
}
