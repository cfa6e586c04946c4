/// The slots of one size: those at home, and the segments that can still be cut.
struct SizeClass {
  let slotBytes: Int
  /// How many slots are at home.
  private(set) var freeCount = 0
  /// How many of these are kept for a kernel that was told of them and has not come yet.
  var promised = 0
  /// Segments that have slots left to be cut.
  var uncut: [Int] = []
  private var free: Slot?

  /// How many free slots a program may have.
  var unpromised: Int { freeCount - promised }

  init(slotBytes: Int) {
    self.slotBytes = slotBytes
  }

  /// Puts a slot on top: the slot that was returned last is lent first, because its memory is warm.
  mutating func push(_ slot: Slot) {
    slot.next = free
    free = slot
    freeCount += 1
  }

  /// Takes the top slot.
  mutating func pop() -> Slot? {
    guard let slot = free else { return nil }
    free = slot.next
    freeCount -= 1
    return slot
  }

  /// Removes the slots of a segment that goes away.
  mutating func drop(segment: Int) {
    uncut.removeAll { $0 == segment }
    var kept: Slot?
    var last: Slot?
    var count = 0
    while let slot = free {
      free = slot.next
      if slot.segment == segment { continue }
      slot.next = nil
      if let last { last.next = slot } else { kept = slot }
      last = slot
      count += 1
    }
    free = kept
    freeCount = count
  }

  /// Forgets all slots: the arena is closed.
  mutating func forget() {
    self = SizeClass(slotBytes: slotBytes)
  }
}
