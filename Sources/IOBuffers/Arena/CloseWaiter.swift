/// Somebody who waits until a closed arena has all its slots back. Guarded by the lock of the arena's state.
final class CloseWaiter: @unchecked Sendable {
  // Sound: all fields are guarded by that lock.
  var continuation: CheckedContinuation<Void, Never>?
  /// The deadline is over, or the task was cancelled.
  var isOver = false
}
