/// Somebody who waits for a slot. All fields are guarded by the lock of the arena's state.
final class ArenaWaiter: @unchecked Sendable {
  // Sound: all fields are guarded by that lock; `bytes` never changes.
  /// What to do when a slot can be had, or never will be.
  enum Purpose {
    /// Not in the queue yet, or not any more.
    case none
    /// A task that wants to own a slot.
    case loan(CheckedContinuation<Result<Slot, BufferError>, Never>)
    /// A loop that wants to be told, and then takes slots for its kernel.
    case notice(@Sendable () -> Void)
  }

  /// How many bytes the slot must have.
  let bytes: Int
  var purpose = Purpose.none
  /// The task was cancelled, perhaps before it was in the queue.
  var isCancelled = false
  /// When it came into the queue, and whether it still stands there.
  var ticket: UInt64 = 0
  /// How many slots had ever come home to the arena when it began to wait, or when memory was last put together for it;
  /// and how many come home and are of no use to it before that is done (again). See ``Reservation``.
  var homecomings: UInt64 = 0
  var patience: UInt64 = 32
  var isQueued = false

  init(bytes: Int) {
    self.bytes = bytes
  }
}

/// Something to be done after the lock of the arena's state is free: it runs code that is not the arena's.
enum Wakeup {
  case loan(CheckedContinuation<Result<Slot, BufferError>, Never>, Result<Slot, BufferError>)
  case notice(@Sendable () -> Void)
  case close(CheckedContinuation<Void, Never>)
  /// Lets go of a callback that is never called. What it holds may call the arena when it goes.
  case forget(@Sendable () -> Void)

  /// Runs the foreign code. The arena's lock is free.
  func perform() {
    switch self {
    case .loan(let continuation, let result): continuation.resume(returning: result)
    case .notice(let body): body()
    case .close(let continuation): continuation.resume()
    case .forget: break
    }
  }
}
