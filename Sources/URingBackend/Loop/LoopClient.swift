/// What stands on a loop and speaks to the kernel through its ring: connections, and guests beside them.
///
/// A base class and not a protocol, because one call per completion goes through it and a class call is the cheapest
/// dynamic one. All methods run on the loop's thread.
class LoopClient: @unchecked Sendable {
  // Why unchecked: references travel in closures that hop to the loop; every method runs there.

  /// Submits what became due since the last turn. Called once a turn, right before the loop enters the kernel.
  /// Returns whether more work is due at once, so that the loop must not sleep.
  func prepare() -> Bool { false }

  /// Takes one completion of an operation that this client submitted.
  func complete(_ completion: Completion, _ operation: OperationID) {}

  /// A timer that this client armed has come due.
  func timerFired(_ token: UInt64) {}

  /// Ends everything that is still open: the loop stops.
  func stop() {}

  /// Whether nothing is open and no operation is with the kernel.
  var isIdle: Bool { true }

  /// Gives back what was registered with the ring, right before the ring is closed.
  func finish() {}
}
