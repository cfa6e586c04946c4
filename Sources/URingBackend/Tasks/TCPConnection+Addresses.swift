extension TCPConnection {
  /// The address on this side, such as the one of several that the peer connected to. Nil once the connection is closed.
  ///
  /// Any task. The kernel is asked each time (getsockname(2), no waiting); a task that is not on the loop hops there and
  /// back. Where IPv4 came in over a socket of IPv6, the address is the IPv4 one, as with `peer`: see
  /// ``SocketAddress/unmapped``.
  public var localAddress: SocketAddress? {
    get async {
      await onLoop { engine, id in engine.localAddress(of: id) }
    }
  }
}
