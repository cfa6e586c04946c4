internal import IOBuffers
internal import Synchronization

/// How many connections may be open at once, shared by the loops of one server. Any thread.
final class ConnectionBudget: Sendable {
  private struct Waiters {
    var wake: [@Sendable () -> Void] = []
  }

  let limit: Int
  private let used = Atomic<Int>(0)
  private let waiters = Guarded(Waiters())

  init(limit: Int) {
    self.limit = max(1, limit)
  }

  var inUse: Int { used.load(ordering: .relaxed) }

  /// Takes one place, if one is free.
  func take() -> Bool {
    var current = used.load(ordering: .relaxed)
    while current < limit {
      let (exchanged, now) = used.weakCompareExchange(
        expected: current,
        desired: current + 1,
        ordering: .sequentiallyConsistent
      )
      if exchanged { return true }
      current = now
    }
    return false
  }

  /// Gives one place back, and tells whoever waits for one.
  func giveBack() {
    used.subtract(1, ordering: .sequentiallyConsistent)
    for wake in waiters.withLock({ waiters in
      defer { waiters.wake = [] }
      return waiters.wake
    }) { wake() }
  }

  /// Calls `wake` once when a place is free: at once if one is by now.
  func whenFree(_ wake: @escaping @Sendable () -> Void) {
    waiters.withLock { $0.wake.append(wake) }
    if used.load(ordering: .sequentiallyConsistent) < limit {
      for wake in waiters.withLock({ waiters in
        defer { waiters.wake = [] }
        return waiters.wake
      }) { wake() }
    }
  }
}
