/// Both ends of a datagram's way: who is on the other side, and which address of this host it uses.
///
/// A reply that goes out over the path of its query comes from the address that the query was sent to, as peers and
/// firewalls expect it.
public struct DatagramPath: Hashable, Sendable {
  /// The other side.
  public var peer: SocketAddress
  /// The address on this side; nil: the kernel chooses one. Its port does not count.
  public var local: SocketAddress?

  /// A path between two addresses.
  public init(peer: SocketAddress, local: SocketAddress? = nil) {
    self.peer = peer
    self.local = local
  }
}
