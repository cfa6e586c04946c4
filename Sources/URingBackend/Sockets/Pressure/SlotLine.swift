internal import DequeModule

/// The line for receive slots: first come, first served, one portion each.
struct SlotLine {
  struct Entry {
    let connection: ConnectionID
    /// A receive of the connection met an empty ring: there are bytes for it.
    let isHungry: Bool
  }

  private var entries = Deque<Entry>()

  var isEmpty: Bool { entries.isEmpty }
  var count: Int { entries.count }
  var first: Entry? { entries.first }
  /// Those in line, first to last.
  var connections: some Sequence<ConnectionID> { entries.lazy.map(\.connection) }

  mutating func append(_ connection: ConnectionID, isHungry: Bool) {
    entries.append(Entry(connection: connection, isHungry: isHungry))
  }

  mutating func removeFirst() { entries.removeFirst() }
}
