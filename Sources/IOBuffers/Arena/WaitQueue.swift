/// Those who wait for slots: one line for each size class, and one for the requests above the largest class.
///
/// First come, first served, as far as it makes sense: a waiter whose size cannot be had blocks its own line and those of
/// larger sizes, which what comes home now could not serve either, but not those of smaller sizes.
struct WaitQueue {
  private var lines: [WaitLine]
  private var tickets: UInt64 = 0
  private(set) var count = 0

  init(lines: Int) {
    self.lines = Array(repeating: WaitLine(), count: lines)
  }

  var isEmpty: Bool { count == 0 }

  /// How many lines there are.
  var lineCount: Int { lines.count }

  /// Joins a line at its end.
  mutating func append(_ waiter: ArenaWaiter, line: Int) {
    tickets += 1
    waiter.ticket = tickets
    waiter.isQueued = true
    lines[line].append(waiter)
    count += 1
  }

  /// Takes a waiter out.
  ///
  /// - Returns: what it waited for; nil if it is not in the queue any more.
  @discardableResult
  mutating func remove(_ waiter: ArenaWaiter, line: Int) -> ArenaWaiter.Purpose? {
    guard waiter.isQueued else { return nil }
    // The gap that it leaves keeps the waiter for a while, but must not keep what its callback holds.
    defer { waiter.purpose = .none }
    waiter.isQueued = false
    count -= 1
    lines[line].leftOne()
    return waiter.purpose
  }

  /// The line below `limit` whose first waiter came before those of the others.
  mutating func nextLine(below limit: Int) -> Int? {
    var next: Int?
    var earliest = UInt64.max
    for line in 0..<limit {
      guard let waiter = lines[line].first, waiter.ticket < earliest else { continue }
      earliest = waiter.ticket
      next = line
    }
    return next
  }

  /// The first waiter of a line.
  mutating func first(in line: Int) -> ArenaWaiter? {
    lines[line].first
  }
}

/// One line. Who left stays as a gap until the gaps are the majority, so that leaving costs the same from any place.
private struct WaitLine {
  private var places: [ArenaWaiter] = []
  private var head = 0
  private var count = 0

  var first: ArenaWaiter? {
    mutating get {
      while head < places.count {
        if places[head].isQueued { return places[head] }
        head += 1
      }
      return nil
    }
  }

  mutating func append(_ waiter: ArenaWaiter) {
    places.append(waiter)
    count += 1
  }

  mutating func leftOne() {
    count -= 1
    guard count == 0 || places.count > 2 * count + 16 else { return }
    places.removeAll { !$0.isQueued }
    head = 0
  }
}
