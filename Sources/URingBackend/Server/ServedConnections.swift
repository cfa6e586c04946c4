internal import Synchronization

/// The connections of one server, over all of its loops. Any thread.
///
/// The budget knows how many are open. How many there were is counted where each one's body or handler begins, so that a
/// message costs nothing.
final class ServedConnections: Sendable {
  let budget: ConnectionBudget
  private let opened = Atomic<UInt64>(0)
  /// The most that was ever reported.
  private let closed = Atomic<UInt64>(0)

  init(limit: Int) {
    budget = ConnectionBudget(limit: limit)
  }

  /// One more has a body or a handler.
  func countOpened() {
    opened.add(1, ordering: .relaxed)
  }

  /// How many there were, and how many of them are closed.
  var figures: (opened: UInt64, closed: UInt64) {
    let count = opened.load(ordering: .relaxed)
    // A connection holds its place in the budget for a moment before it is counted. What is closed would seem to fall then.
    let seen = count - min(count, UInt64(max(0, budget.inUse)))
    return (count, closed.max(seen, ordering: .relaxed).newValue)
  }
}
