internal import Synchronization

/// Where slots come from and go back to. The arena's core is one; memory that some other library allocated is another.
///
/// A home outlives its slots: it holds a reference to itself until the last one is back.
@usableFromInline
package class SlotHome: @unchecked Sendable {
  // Sound: `holders` never changes and locks itself; the waiters are behind their lock.
  /// Who holds the views, when diagnostics ask for it.
  package let holders: HolderTable?
  /// Owners that wait for the last view of their slot.
  private let unlockWaiters = Guarded<[UnlockWaiter]>([])

  package init(holders: HolderTable?) {
    self.holders = holders
  }

  /// The last view and the owner of `slot` are gone. Called once per life of the slot, on any thread, without a reference
  /// to the home: it must not touch itself after the slot became visible as returned.
  ///
  /// - Returns: false if this needs more than that; then ``reclaimSlowly(_:)`` is called, with a reference.
  package func reclaim(_ slot: Slot) -> Bool { false }

  /// Takes a slot back that ``reclaim(_:)`` did not.
  package func reclaimSlowly(_ slot: Slot) {}

  /// The last view of `slot` is gone while its owner waits for that. Resumes the owner.
  package final func unlocked(_ slot: Slot) {
    let waiter = unlockWaiters.withLock { waiters -> UnlockWaiter? in
      // Sound: compares addresses. The slot is on nobody's way home while its owner sleeps, so its header is there.
      guard let place = waiters.firstIndex(where: { unsafe $0.slot.header == slot.header }) else { return nil }
      // Cleared while the owner still sleeps: nobody else changes the word now, since no view is left to be shared.
      unsafe slot.header.pointee.lock.bitwiseAnd(~LockWord.waiter, ordering: .acquiringAndReleasing)
      return waiters.swapRemove(at: place)
    }
    // Last, and from a local: once it runs, the owner may free the slot and with it this home.
    waiter?.resume(cancelled: false)
  }

  /// Suspends until no view of `slot` is out. The caller is the slot's owner and has exclusive access to it, so nobody
  /// can lend a new view meanwhile.
  ///
  /// - Returns: false if the task was cancelled first.
  final func waitUntilUnlocked(_ slot: Slot) async -> Bool {
    let waiter = UnlockWaiter(slot)
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if let answer = register(waiter, continuation) { continuation.resume(returning: answer) }
      }
    } onCancel: {
      cancel(waiter)
    }
  }

  /// Enters the waiter, or says at once how its wait ended.
  private final func register(_ waiter: UnlockWaiter, _ continuation: CheckedContinuation<Bool, Never>) -> Bool? {
    unlockWaiters.withLock { waiters in
      let lock = waiter.slot
      var word = lock.lockWord
      while !word.isUnlocked {
        if waiter.isCancelled { return false }
        // Sound: the caller is the slot's owner.
        let result = unsafe lock.header.pointee.lock.weakCompareExchange(
          expected: word.rawValue,
          desired: word.rawValue | LockWord.waiter,
          ordering: .acquiringAndReleasing
        )
        if result.exchanged {
          waiter.continuation = continuation
          waiters.append(waiter)
          return nil
        }
        word = LockWord(result.original)
      }
      return true
    }
  }

  /// Ends a wait because its task was cancelled, unless the last view is already gone: then the thread that released it
  /// is on its way to `unlocked(_:)`, still needs the slot, and will resume the owner itself.
  private final func cancel(_ waiter: UnlockWaiter) {
    let cancelled = unlockWaiters.withLock { waiters -> Bool in
      waiter.isCancelled = true
      // Only while the waiter is listed is its owner asleep, and the slot's header sure to exist.
      guard let place = waiters.firstIndex(where: { $0 === waiter }) else { return false }
      var word = waiter.slot.lockWord
      while !word.isUnlocked {
        // Sound: listed, as was just found: the owner sleeps, and its slot is there.
        let result = unsafe waiter.slot.header.pointee.lock.weakCompareExchange(
          expected: word.rawValue,
          desired: word.rawValue & ~LockWord.waiter,
          ordering: .acquiringAndReleasing
        )
        if result.exchanged {
          waiters.swapRemove(at: place)
          return true
        }
        word = LockWord(result.original)
      }
      return false
    }
    if cancelled { waiter.resume(cancelled: true) }
  }
}

extension Array {
  /// Removes an element in constant time; the last one takes its place.
  @discardableResult
  fileprivate mutating func swapRemove(at place: Int) -> Element {
    swapAt(place, count - 1)
    return removeLast()
  }
}

/// An owner that waits for the last view of its slot. All fields are guarded by the lock of the home's list.
private final class UnlockWaiter: @unchecked Sendable {
  // Sound: the fields are guarded by that lock; `slot` never changes.
  let slot: Slot
  var continuation: CheckedContinuation<Bool, Never>?
  var isCancelled = false

  init(_ slot: Slot) {
    self.slot = slot
  }

  /// Called by whoever took the waiter off the list, hence once.
  func resume(cancelled: Bool) {
    continuation?.resume(returning: !cancelled)
  }
}
