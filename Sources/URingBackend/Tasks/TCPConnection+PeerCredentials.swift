extension TCPConnection {
  /// Who is on the other side of a Unix socket; nil on TCP, and once the connection is closed.
  ///
  /// Any task. The kernel is asked each time (SO_PEERCRED of unix(7), no waiting); a task that is not on the loop hops there
  /// and back.
  public var peerCredentials: PeerCredentials? {
    get async {
      await onLoop { engine, id in engine.peerCredentials(of: id) }
    }
  }
}
