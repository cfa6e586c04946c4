extension ConnectionContext {
  /// The address on this side, such as the one of several that the peer connected to. Nil while the descriptor is being
  /// closed.
  ///
  /// The kernel is asked each time (getsockname(2), no waiting). Where IPv4 came in over a socket of IPv6, the address is
  /// the IPv4 one, as with `peer`: see ``SocketAddress/unmapped``.
  public var localAddress: SocketAddress? { loop.streams?.localAddress(of: id) }
}
