extension StreamEngine {
  /// getsockname(2), asked now: servers with one address have no use for a call per connection. Loop thread only.
  ///
  /// Nil when the connection is gone, and from the moment when the kernel was told to close its descriptor: the number
  /// may be another socket's by then.
  func localAddress(of id: ConnectionID) -> SocketAddress? {
    guard let place = place(id), !place.record.machine.flags.contains(.closeSubmitted) else { return nil }
    return sockets.localAddress(of: place.record.descriptor)?.unmapped
  }

  /// SO_PEERCRED, unix(7), asked now and under the same conditions.
  func peerCredentials(of id: ConnectionID) -> PeerCredentials? {
    guard let place = place(id), !place.record.machine.flags.contains(.closeSubmitted) else { return nil }
    return sockets.peerCredentials(of: place.record.descriptor)
  }
}
