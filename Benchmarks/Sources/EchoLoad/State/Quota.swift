/// How much one phase may begin: a number of messages, or what fits into a time. A pure value.
struct Quota {
  /// What ends a phase.
  enum Limit: Equatable {
    case messages(UInt64)
    /// Nanoseconds.
    case time(UInt64)
  }

  /// Messages that were begun.
  private(set) var begun: UInt64 = 0
  /// How many may begin in all; falls to `begun` when the time is over.
  private var most: UInt64
  /// The clock's time at which nothing more begins; `.max` for a number of messages.
  private let deadline: UInt64

  /// - Parameters:
  ///   - limit: what ends the phase.
  ///   - now: the clock's nanoseconds.
  init(_ limit: Limit, now: UInt64) {
    switch limit {
    case .messages(let count):
      most = count
      deadline = .max
    case .time(let nanoseconds):
      most = .max
      let (end, overflow) = now.addingReportingOverflow(nanoseconds)
      deadline = overflow ? .max : end
    }
  }

  /// Whether nothing more may begin.
  var isUsedUp: Bool { begun >= most }

  /// Messages that may still begin; `UInt64.max` at most while time alone ends the phase.
  var left: UInt64 { most - begun }

  /// Takes up to `wanted` messages out of the quota.
  ///
  /// - Returns: how many may begin now.
  mutating func take(_ wanted: Int, now: UInt64) -> Int {
    if now >= deadline { most = min(most, begun) }
    let granted = min(UInt64(max(0, wanted)), left)
    begun += granted
    return Int(granted)
  }

  /// Nothing more begins.
  mutating func stop() {
    most = min(most, begun)
  }
}
