internal import DequeModule

/// The line for receive slots: one portion each, in the order of arrival.
///
/// It has two lanes. Whoever took all that was there stands in the front one, which is served first: to arm its receive
/// costs no slot until it has something to say, and then it is little. Whoever left bytes behind stands in the other one,
/// with all that push. So a connection that says little waits for none of those that say much, and one that pushes waits
/// for a portion of each of the others (the sparse flows of fair queueing, RFC 8290).
struct SlotLine {
  struct Entry {
    let connection: ConnectionID
    /// There are bytes for the connection: it will take a portion at once.
    let isHungry: Bool
    /// The engine's `waitClock` when it joined.
    let since: UInt64
  }

  // Room from the start: a busy moment is no time to allocate.
  private var front = Deque<Entry>(minimumCapacity: 256)
  private var pushing = Deque<Entry>(minimumCapacity: 256)

  var isEmpty: Bool { front.isEmpty && pushing.isEmpty }
  var count: Int { front.count + pushing.count }
  var first: Entry? { front.first ?? pushing.first }
  /// Those in line, first to last.
  var connections: [ConnectionID] { front.map(\.connection) + pushing.map(\.connection) }

  mutating func append(_ connection: ConnectionID, isHungry: Bool, pushes: Bool, at now: UInt64) {
    let entry = Entry(connection: connection, isHungry: isHungry, since: now)
    if pushes { pushing.append(entry) } else { front.append(entry) }
  }

  mutating func removeFirst() {
    if front.popFirst() == nil { _ = pushing.popFirst() }
  }
}
