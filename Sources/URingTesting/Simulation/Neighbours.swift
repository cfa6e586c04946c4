internal import URingBackend

/// The connections of one server, for handlers that send to others, or are hostile to them.
final class Neighbours: @unchecked Sendable {
  // Why unchecked: it belongs to the thread of the loop.
  var loop: EventLoop?
  var open: [ConnectionID] = []
  /// Those that were closed: nobody may have their names again, within any run.
  private(set) var gone: Set<ConnectionID> = []
  private var lastGone: [ConnectionID] = []

  /// Some that are open, and some that were.
  var known: [ConnectionID] { Array(lastGone.suffix(4) + open.prefix(8)) }

  func noteGone(_ id: ConnectionID) {
    open.removeAll { $0 == id }
    gone.insert(id)
    lastGone.append(id)
  }

  func closeAll(but id: ConnectionID) {
    guard let loop else { return }
    for other in open where other != id { loop.withConnection(other) { $0.close() } }
  }
}

/// What hostile user code throws.
struct OnPurpose: Error {}
