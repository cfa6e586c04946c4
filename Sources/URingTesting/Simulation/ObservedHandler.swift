internal import IOBuffers
internal import URingBackend

/// A handler that notes what it is told, and where it is hostile, does what user code does on its worst days.
struct ObservedHandler: ConnectionHandler {
  private let seen: Observations
  private let system: SimulatedSystem
  private let service: Service
  private let isHostile: Bool
  private var kept: [KeptView] = []
  private let others: Neighbours
  private var id: ConnectionID?
  private var port: UInt16?
  private var isOpen = false
  private var isOver = false
  private var hasEnded = false
  /// Something came of it.
  private var hasReceived = false

  init(_ seen: Observations, _ system: SimulatedSystem, _ workload: Workload, _ others: Neighbours) {
    self.seen = seen
    self.system = system
    self.others = others
    service = workload.service
    isHostile = workload.isHostile
  }

  mutating func opened(_ connection: borrowing ConnectionContext) throws {
    isOpen = true
    id = connection.id
    port = connection.peer?.port
    seen.open(port)
    seen.check(!others.gone.contains(connection.id), "a connection has the name of one that is gone")
    if others.open.count < 64 { others.open.append(connection.id) }
    if others.loop == nil { others.loop = connection.loop }
    if service.greetingBytes > 0 { try greet(connection) }
    if service == .drain { connection.closeOutput() }
    if isHostile { try misbehave(connection, system.network.choices.draw(.userAction, below: 12)) }
  }

  private func greet(_ connection: borrowing ConnectionContext) throws {
    var buffer = try connection.arena.allocate(minimumCapacity: service.greetingBytes)
    try buffer.append(contentsOf: Service.words.bytes(from: 0, count: service.greetingBytes))
    if connection.send(try buffer.finish()) { seen.queued(port, service.greetingBytes) }
  }

  mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
    seen.check(isOpen && !isOver, "bytes before the beginning or after the end")
    seen.check(!hasEnded, "bytes behind the end of the stream")
    seen.took(port, view.count)
    hasReceived = true
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
    if service == .hoard, let part = try? view.share() { kept.append(KeptView(part)) }
    switch service {
    case .drain: view.release()
    case .pause:
      view.release()
      connection.pauseInput(true)
    case .fanOut:
      for other in others.open where other != connection.id {
        if let part = try? view.share() { connection.send(part, to: other) }
      }
      view.release()
    default:
      let count = view.count
      if connection.send(view) { seen.queued(port, count) }
    }
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
      let names = others.known
      let place = Int(system.network.choices.draw(.userAction, below: UInt32(names.count)))
      guard names.indices.contains(place) else { return }
      let isThere: Void? = connection.loop.withConnection(names[place]) { $0.abort() }
      seen.check(
        isThere == nil || !others.gone.contains(names[place]),
        "the name of a connection that is gone finds another"
      )
    default: break
    }
  }

  mutating func inputEnded(_ connection: borrowing ConnectionContext) throws {
    seen.check(!hasEnded && !isOver, "the end of the stream was told twice, or after the end")
    seen.end(port)
    hasEnded = true
    switch service {
    case .halfClosing, .drain: connection.closeOutput()
    default: connection.close()
    }
    if service == .fanOut { others.closeAll(but: connection.id) }
  }

  mutating func stopping(_ connection: borrowing ConnectionContext) throws {
    seen.check(!isOver, "told to stop after the end")
    if connection.unsentBytes == 0 { connection.close() }
  }

  mutating func closed(_ error: SocketError?) {
    seen.check(isOpen && !isOver, "closed twice, or never opened")
    isOver = true
    kept.removeAll()
    seen.close(port, error)
    guard let id else { return }
    others.noteGone(id)
    // Without the publisher nobody would ever end the others.
    if service == .fanOut, hasReceived || hasEnded { others.closeAll(but: id) }
  }
}

/// A view that somebody keeps.
private final class KeptView {
  private let view: ReadView

  init(_ view: consuming ReadView) { self.view = view }
}
