/// Somebody who waits for a slot. All fields are guarded by the lock of the arena's state.
final class ArenaWaiter: @unchecked Sendable {
  /// What to do when a slot can be had, or never will be.
  enum Purpose {
    /// Created, but not yet in the queue.
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
  /// Whether it stands in the queue.
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

  func perform() {
    switch self {
    case .loan(let continuation, let result): continuation.resume(returning: result)
    case .notice(let body): body()
    case .close(let continuation): continuation.resume()
    }
  }
}

/// First in, first out, with removal from the middle. Removed waiters stay as gaps until the gaps are the majority.
struct WaitQueue {
  private var places: [ArenaWaiter?] = []
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  mutating func append(_ waiter: ArenaWaiter) {
    waiter.isQueued = true
    places.append(waiter)
    count += 1
  }

  /// Removes a waiter whose task was cancelled. False if it is not in the queue any more.
  mutating func remove(_ waiter: ArenaWaiter) -> Bool {
    guard waiter.isQueued else { return false }
    waiter.isQueued = false
    count -= 1
    if places.count > 2 * count + 16 { compact() }
    return true
  }

  /// Offers each waiter, in order, to `body`; those that it serves leave the queue. `body` ends the round early by nil.
  mutating func serve(_ body: (ArenaWaiter) -> Bool?) {
    for place in places.indices {
      guard let waiter = places[place], waiter.isQueued else { continue }
      guard let served = body(waiter) else { break }
      guard served else { continue }
      waiter.isQueued = false
      places[place] = nil
      count -= 1
    }
    if places.count > 2 * count + 16 || count == 0 { compact() }
  }

  private mutating func compact() {
    places.removeAll { $0?.isQueued != true }
  }
}
