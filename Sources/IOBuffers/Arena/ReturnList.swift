internal import Synchronization

/// The slots that came home since the arena last looked: pushed by any thread without a lock, taken all at once.
///
/// A Treiber stack of the headers' `next` links. Because it is only ever emptied as a whole, a head that looks the same
/// is the same (no ABA). The head's lowest bit, which an address of a header never has set, says that returned slots are
/// wanted at once: somebody waits for one, or the arena is closed. It is in the same word so that no push can slip in
/// between a waiter's last look at the list and its sleep, and because a pusher that succeeded must not touch the arena
/// again: its slot may have been the last that kept the arena alive.
struct ReturnList: ~Copyable {
  // The head gets cache lines of its own (two, because x86 fetches them in pairs): returning threads write it all the
  // time, and the fields around it are read by everybody.
  private let before = Padding()
  private let head = Atomic<UInt>(0)
  private let after = Padding()

  private typealias Line = (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
  private struct Padding: Sendable {
    let lines: (Line, Line) = ((0, 0, 0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0, 0, 0))
  }

  private static var wanted: UInt { 1 }

  /// Adds a slot that nobody looks at any more. False if slots are wanted: then the caller still has it, and must bring
  /// it to the arena's state itself.
  borrowing func push(_ slot: Slot) -> Bool {
    var word = head.load(ordering: .relaxed)
    while word & Self.wanted == 0 {
      slot.next = Slot(address: word)
      let result = head.weakCompareExchange(
        expected: word,
        desired: slot.address,
        successOrdering: .releasing,
        failureOrdering: .relaxed
      )
      if result.exchanged { return true }
      word = result.original
    }
    return false
  }

  /// Whether slots are wanted. Certain for who holds the lock of the arena's state.
  var isWanted: Bool { head.load(ordering: .relaxed) & Self.wanted != 0 }

  /// Whether there is anything to take. A hint, unless slots are wanted.
  var isEmpty: Bool { head.load(ordering: .relaxed) & ~Self.wanted == 0 }

  /// Takes all slots, linked by `next`, the latest first. The caller holds the lock of the arena's state.
  borrowing func takeAll(wantingMore: Bool) -> Slot? {
    let word = head.exchange(wantingMore ? Self.wanted : 0, ordering: .acquiringAndReleasing)
    return Slot(address: word & ~Self.wanted)
  }
}
