internal import IOBuffers
internal import URingBackend

/// An echo handler that notes what it is told, and where it is hostile, does what user code does on its worst days.
struct ObservedHandler: ConnectionHandler {
  private struct OnPurpose: Error {}

  private let seen: Observations
  private let system: SimulatedSystem
  private let isHostile: Bool
  private var kept: [KeptView] = []
  private var others: Neighbours
  private var isOpen = false
  private var isOver = false
  private var hasEnded = false

  /// The connections that a hostile handler may send to, or know of, besides its own.
  final class Neighbours: @unchecked Sendable {
    // Why unchecked: it belongs to the thread of the loop.
    var ids: [ConnectionID] = []
  }

  init(_ seen: Observations, _ system: SimulatedSystem, isHostile: Bool, _ others: Neighbours) {
    self.seen = seen
    self.system = system
    self.isHostile = isHostile
    self.others = others
  }

  mutating func opened(_ connection: borrowing ConnectionContext) throws {
    seen.check(!isOpen, "opened twice")
    isOpen = true
    seen.open()
    if isHostile { try misbehave(connection) }
  }

  mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
    seen.check(isOpen && !isOver, "bytes before the beginning or after the end")
    seen.check(!hasEnded, "bytes behind the end of the stream")
    seen.check(view.count > 0, "an empty view")
    if isHostile {
      let action = system.network.choices.draw(.userAction, below: 12)
      if action == 1 {
        // Keeps it, for ever perhaps; the echo goes out nevertheless.
        if let part = try? view.share() { kept.append(KeptView(part)) }
      } else if action == 2 {
        kept.removeAll()
      }
      if action > 2 { try misbehave(connection, action) }
    }
    connection.send(view)
  }

  private mutating func misbehave(_ connection: borrowing ConnectionContext) throws {
    try misbehave(connection, system.network.choices.draw(.userAction, below: 12))
    if others.ids.count < 8 { others.ids.append(connection.id) }
  }

  private mutating func misbehave(_ connection: borrowing ConnectionContext, _ action: UInt32) throws {
    switch action {
    case 3:
      seen.thrown += 1
      throw OnPurpose()
    case 4: connection.abort()
    case 5: connection.close()
    case 6: connection.closeOutput()
    case 7: connection.pauseInput(true)
    case 8: connection.pauseInput(false)
    case 9:
      // From a handler, about another connection, which may be gone.
      let place = Int(system.network.choices.draw(.userAction, below: UInt32(others.ids.count)))
      if others.ids.indices.contains(place) { connection.loop.withConnection(others.ids[place]) { $0.abort() } }
    default: break
    }
  }

  mutating func inputEnded(_ connection: borrowing ConnectionContext) throws {
    seen.check(!hasEnded && !isOver, "the end of the stream was told twice, or after the end")
    hasEnded = true
    connection.close()
  }

  mutating func stopping(_ connection: borrowing ConnectionContext) throws {
    seen.check(!isOver, "told to stop after the end")
    if connection.unsentBytes == 0 { connection.close() }
  }

  mutating func closed(_ error: SocketError?) {
    seen.check(isOpen && !isOver, "closed twice, or never opened")
    isOver = true
    kept.removeAll()
    seen.close(error)
  }
}

/// A view that somebody keeps.
private final class KeptView {
  private let view: ReadView

  init(_ view: consuming ReadView) { self.view = view }
}
