import IOBuffers
import URingBackend

/// Passes what happens on a connection to the driver of its loop.
struct LaneHandler: ConnectionHandler {
  let driver: LoadDriver
  /// Which connection it is among the driver's.
  let lane: Int

  mutating func opened(_ connection: borrowing ConnectionContext) throws {
    try driver.opened(lane, connection)
  }

  mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
    try driver.received(view, lane, connection)
  }

  mutating func closed(_ error: SocketError?) {
    driver.closed(lane, error)
  }
}
