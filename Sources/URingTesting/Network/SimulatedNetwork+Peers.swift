internal import URingBackend

/// The ends of those who are on no ring. They have no descriptors, so they are no part of what a program has open.
extension SimulatedNetwork {
  /// Names a peer's end of a connection. After both ends are closed it names nothing.
  package struct PeerID: Hashable, Sendable {
    var side: Int
    var generation: UInt32
  }

  /// How a peer's connection stands.
  package enum PeerState: Sendable {
    case connecting
    case connected
    /// Its stream from us has ended, and everything is read.
    case ended
    /// It was reset, or never came about.
    case failed
    /// It is closed on its own side.
    case closed
  }

  private func side(_ peer: PeerID) -> Int? {
    guard sides.indices.contains(peer.side), sides[peer.side].generation == peer.generation else { return nil }
    return sides[peer.side].flags.contains(.abandoned) ? nil : peer.side
  }

  /// Begins to connect to a port.
  package mutating func connectPeer(to port: UInt16) -> PeerID {
    let side = takePair()
    openSide(side, -1)
    sides[side].flags.insert(.isPeer)
    beginConnect(side, to: .loopback(port: port))
    return PeerID(side: side, generation: sides[side].generation)
  }

  /// Listens for outgoing connections of the program under test. False when the port is taken.
  package mutating func listenAsPeer(at port: UInt16, backlog: Int) -> Bool {
    guard !listeners.contains(where: { $0.listens && $0.address.port == port }) else { return false }
    _ = addListener(at: .loopback(port: port), backlog: backlog)
    return true
  }

  private func peerListener(at port: UInt16) -> Int? {
    listeners.firstIndex { $0.listens && $0.descriptor < 0 && $0.address.port == port }
  }

  /// Accepts what waits at a port of the peers.
  package mutating func acceptAsPeer(at port: UInt16) -> PeerID? {
    guard let index = peerListener(at: port), !listeners[index].waiting.isEmpty else { return nil }
    let side = listeners[index].waiting.removeFirst()
    sides[side].flags.remove(.isInBacklog)
    sides[side].flags.insert(.isPeer)
    return PeerID(side: side, generation: sides[side].generation)
  }

  /// Listens no more: who waits is reset.
  package mutating func stopListeningAsPeer(at port: UInt16) {
    if let index = peerListener(at: port) { close(listener: index) }
  }

  /// Sends what there is room for.
  package mutating func write(_ peer: PeerID, _ bytes: UnsafeRawBufferPointer) -> Int {
    guard let side = side(peer) else { return 0 }
    return unsafe max(0, send(side: side, bytes))
  }

  /// Takes what has arrived.
  package mutating func read(_ peer: PeerID, into target: UnsafeMutableRawBufferPointer) -> Int {
    guard let side = side(peer) else { return 0 }
    return unsafe max(0, receive(side: side, into: target))
  }

  /// Bytes that could be read.
  package func bytesAvailable(_ peer: PeerID) -> Int { side(peer).map { sides[$0].available } ?? 0 }

  /// How the connection stands.
  package func state(of peer: PeerID) -> PeerState {
    guard let index = side(peer) else { return .closed }
    let side = sides[index]
    if side.flags.contains(.hasFailed) { return .failed }
    if side.state == .connecting { return .connecting }
    if side.flags.contains(.inputEnded), side.available == 0 { return .ended }
    return side.state == .established ? .connected : .closed
  }

  /// Sends a FIN behind what was written.
  package mutating func finish(_ peer: PeerID) {
    if let side = side(peer) { _ = shutdown(side: side, 1) }
  }

  /// Closes the peer's end: a FIN, or a reset when it has not read everything.
  package mutating func close(_ peer: PeerID) {
    if let side = side(peer) { close(side: side) }
  }

  /// Resets the connection, and closes the peer's end.
  package mutating func reset(_ peer: PeerID) {
    guard let side = side(peer) else { return }
    sides[side].flags.insert(.resetsOnClose)
    close(side: side)
  }
}
