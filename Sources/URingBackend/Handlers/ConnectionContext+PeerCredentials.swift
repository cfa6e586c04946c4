extension ConnectionContext {
  /// Who is on the other side of a Unix socket; nil on TCP, and while the descriptor is being closed.
  ///
  /// The kernel is asked each time (SO_PEERCRED of unix(7), no waiting).
  public var peerCredentials: PeerCredentials? { loop.streams?.peerCredentials(of: id) }
}
