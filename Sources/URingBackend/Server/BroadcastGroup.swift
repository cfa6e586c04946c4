internal import IOBuffers
internal import Synchronization

/// The members of a broadcast on one loop, and what is to be done about them there.
final class BroadcastGroup: @unchecked Sendable {
  // Why unchecked: `members`, `places` and `sweepAt` belong to the loop's thread, or to who runs in its place. The rest is
  // constant, or locked, or atomic.

  /// In one queue, so that who is added gets what is sent from then on, and who is removed what was sent before.
  private enum Request: Sendable {
    case send(BroadcastMessage)
    case add(ConnectionID)
    case remove(ConnectionID)
  }

  private struct Waiting: Sendable {
    var requests: [Request] = []
    /// How many of them are messages.
    var messages = 0
    /// The loop has been told.
    var isAnnounced = false
  }

  let loop: EventLoop
  private let isAborting: Bool
  private let pendingMessages: Int
  private let misses: BroadcastMisses
  private let waiting = Guarded(Waiting())
  private let count = Atomic<Int>(0)

  private var members: [ConnectionID] = []
  private var places: [ConnectionID: Int] = [:]
  /// With so many members those that are gone are looked for, so that they do not become more and more where nobody sends.
  private var sweepAt = 64

  init(_ loop: EventLoop, isAborting: Bool, pendingMessages: Int, _ misses: BroadcastMisses) {
    self.loop = loop
    self.isAborting = isAborting
    self.pendingMessages = pendingMessages
    self.misses = misses
  }

  var memberCount: Int { count.load(ordering: .relaxed) }

  // MARK: Any thread

  func send(_ message: BroadcastMessage) { request(.send(message)) }
  func add(_ id: ConnectionID) { request(.add(id)) }
  func remove(_ id: ConnectionID) { request(.remove(id)) }

  /// Does it at once, or has the loop do it.
  private func request(_ request: Request) {
    if loop.isCurrent {
      carryOutWaiting()
      return carryOut(request)
    }
    let (isFull, announce) = waiting.withLock { waiting in
      if case .send = request {
        guard waiting.messages < pendingMessages else { return (true, false) }
        waiting.messages += 1
      }
      waiting.requests.append(request)
      defer { waiting.isAnnounced = true }
      return (false, !waiting.isAnnounced)
    }
    if isFull { misses.add(memberCount) }
    if announce { loop.submit(.closure { [self] in carryOutWaiting() }) }
  }

  // MARK: On the loop

  private func carryOutWaiting() {
    let requests = waiting.withLock { waiting in
      defer { waiting = Waiting() }
      return waiting.requests
    }
    for request in requests { carryOut(request) }
  }

  private func carryOut(_ request: Request) {
    guard let engine = loop.streams else {
      // The loop has ended, and its connections with it.
      members = []
      places = [:]
      return count.store(0, ordering: .relaxed)
    }
    switch request {
    case .send(let message): deliver(message, engine)
    case .add(let id): insert(id, engine)
    case .remove(let id):
      if let place = places[id] { remove(at: place) }
    }
    count.store(members.count, ordering: .relaxed)
  }

  /// Nothing of it runs user code: sending queues, and giving up marks.
  private func deliver(_ message: BroadcastMessage, _ engine: StreamEngine) {
    var missed = 0
    // From the end, because the last one takes the place of one that is gone.
    for place in members.indices.reversed() {
      let id = members[place]
      guard let index = engine.find(id), engine.records[index].machine.acceptsOutput else {
        remove(at: place)
        continue
      }
      if id == message.except { continue }
      guard !engine.records[index].machine.isSlow else {
        missed += 1
        if isAborting { engine.abort(index, .timedOut) }
        continue
      }
      if var views = message.views(), engine.send(&views, on: index) != .refused { continue }
      missed += 1
    }
    misses.add(missed)
  }

  private func insert(_ id: ConnectionID, _ engine: StreamEngine) {
    guard places[id] == nil, engine.find(id) != nil else { return }
    places[id] = members.count
    members.append(id)
    guard members.count >= sweepAt else { return }
    for place in members.indices.reversed() where engine.find(members[place]) == nil { remove(at: place) }
    sweepAt = max(64, 2 * members.count)
  }

  private func remove(at place: Int) {
    places[members[place]] = nil
    let last = members.removeLast()
    guard place < members.count else { return }
    members[place] = last
    places[last] = place
  }
}
