/// A listening socket for one loop, which closes it in the end.
struct ListeningSocket {
  let descriptor: Int32
  /// Where it is bound.
  let address: SocketAddress
  /// Whether other loops have descriptors of the same socket.
  let isShared: Bool
}
