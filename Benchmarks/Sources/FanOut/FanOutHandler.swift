import IOBuffers
import URingBackend

/// One connection: passes on to all what it receives.
struct FanOutHandler: ConnectionHandler {
  let members: Members
  private var id: ConnectionID?

  init(members: Members) {
    self.members = members
  }

  mutating func opened(_ connection: borrowing ConnectionContext) {
    let id = connection.id
    self.id = id
    members.add(id)
  }

  mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
    try members.send(view, from: connection)
  }

  mutating func closed(_ error: SocketError?) {
    if let id { members.remove(id) }
  }
}
