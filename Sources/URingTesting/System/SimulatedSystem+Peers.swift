/// The peers' side.
extension SimulatedSystem {
  /// Begins to connect to a listener of the program under test.
  package func connectPeer(to port: UInt16) -> SimulatedPeer {
    SimulatedPeer(system: self, id: network.connectPeer(to: port))
  }

  /// Listens, so that outgoing connects have somebody to reach. False when the port is taken.
  package func listenAsPeer(at port: UInt16, backlog: Int = 128) -> Bool {
    network.listenAsPeer(at: port, backlog: backlog)
  }

  /// Accepts what waits at a port of the peers.
  package func acceptAsPeer(at port: UInt16) -> SimulatedPeer? {
    network.acceptAsPeer(at: port).map { SimulatedPeer(system: self, id: $0) }
  }

  /// Listens no more at a port of the peers.
  package func stopListeningAsPeer(at port: UInt16) { network.stopListeningAsPeer(at: port) }

  /// Calls `playPeers` after so many nanoseconds, in which the peers do nothing.
  package func callPeers(after nanoseconds: UInt64) { network.callPeers(after: nanoseconds) }
}
