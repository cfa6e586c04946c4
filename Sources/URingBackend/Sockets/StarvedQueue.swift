internal import DequeModule

/// Connections that wait for slots, first in, first out.
struct StarvedQueue {
  private var ids = Deque<ConnectionID>()

  var isEmpty: Bool { ids.isEmpty }
  var count: Int { ids.count }

  mutating func append(_ id: ConnectionID) { ids.append(id) }
  mutating func popFirst() -> ConnectionID? { ids.popFirst() }
}
