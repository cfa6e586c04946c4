internal import HeapModule

/// The deadlines of one loop, earliest first.
///
/// Arming is O(log n). Cancelling is O(1): the heap's entry goes stale and is dropped when it comes up, or when stale
/// entries outnumber the live ones, so that long deadlines which are always cancelled take no memory in the end.
struct TimerQueue<Target> {
  /// Names one armed timer; a stale handle is recognised.
  struct Handle: Equatable {
    var index: UInt32
    var generation: UInt32
  }

  private struct Entry: Comparable {
    var deadline: UInt64
    var sequence: UInt64
    var handle: Handle

    static func < (left: Entry, right: Entry) -> Bool {
      left.deadline != right.deadline ? left.deadline < right.deadline : left.sequence < right.sequence
    }
    static func == (left: Entry, right: Entry) -> Bool { left.sequence == right.sequence }
  }

  private struct Slot {
    var generation: UInt32
    var target: Target?
  }

  private var heap = Heap<Entry>()
  private var slots: [Slot] = []
  private var freeSlots: [UInt32] = []
  private var sequence: UInt64 = 0
  private(set) var armed = 0

  /// Entries held, stale ones included. For tests of the bound.
  var entries: Int { heap.count }

  /// Arms a timer for `deadline`, in nanoseconds of the loop's clock.
  mutating func arm(_ deadline: UInt64, _ target: Target) -> Handle {
    let index: UInt32
    if let free = freeSlots.popLast() {
      index = free
    } else {
      index = UInt32(slots.count)
      slots.append(Slot(generation: 0, target: nil))
      // Room for every one to be free: the first time that timers fire is no time to allocate.
      if freeSlots.capacity < slots.capacity { freeSlots.reserveCapacity(slots.capacity) }
    }
    slots[Int(index)].target = target
    let handle = Handle(index: index, generation: slots[Int(index)].generation)
    sequence += 1
    heap.insert(Entry(deadline: deadline, sequence: sequence, handle: handle))
    armed += 1
    return handle
  }

  /// Disarms a timer and returns its target, or nil when it fired or was cancelled before.
  mutating func cancel(_ handle: Handle) -> Target? {
    guard let target = take(handle) else { return nil }
    let stale = heap.count - armed
    if stale > 64, stale > heap.count / 2 {
      // In place: connections that come and go bring this about again and again.
      let slots = slots
      heap.removeAll { !Self.isLive($0.handle, slots) }
    }
    return target
  }

  /// The earliest deadline that is still armed.
  mutating func nextDeadline() -> UInt64? {
    while let first = heap.min {
      if isLive(first.handle) { return first.deadline }
      heap.removeMin()
    }
    return nil
  }

  /// Takes one timer whose deadline has come, earliest first; timers of one instant in the order they were armed.
  mutating func popExpired(at now: UInt64) -> Target? {
    guard let deadline = nextDeadline(), deadline <= now else { return nil }
    return take(heap.removeMin().handle)
  }

  /// Disarms everything and returns the targets.
  mutating func removeAll() -> [Target] {
    let targets = heap.unordered.filter { isLive($0.handle) }.compactMap { take($0.handle) }
    heap = Heap()
    return targets
  }

  /// Visits the targets of all that are armed, in no order.
  func forEachArmed(_ body: (Target) -> Void) {
    for slot in slots { if let target = slot.target { body(target) } }
  }

  private func isLive(_ handle: Handle) -> Bool { Self.isLive(handle, slots) }

  private static func isLive(_ handle: Handle, _ slots: [Slot]) -> Bool {
    let slot = slots[Int(handle.index)]
    return slot.generation == handle.generation && slot.target != nil
  }

  private mutating func take(_ handle: Handle) -> Target? {
    guard Int(handle.index) < slots.count, isLive(handle), let target = slots[Int(handle.index)].target else {
      return nil
    }
    slots[Int(handle.index)].target = nil
    slots[Int(handle.index)].generation &+= 1
    freeSlots.append(handle.index)
    armed -= 1
    return target
  }
}
