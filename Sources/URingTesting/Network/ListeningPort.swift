internal import URingBackend

/// A socket that listens, and the connections that nobody has accepted yet.
struct ListeningPort: Sendable {
  var address: SocketAddress
  var backlog: Int
  /// The descriptor; -1 for a listener of the peers.
  var descriptor: Int32
  /// The accepting sides, oldest first.
  var waiting: [Int] = []
  /// Whether somebody has it still.
  var isOpen = true
  /// After shutdown(2): a socket that listens no more.
  var isShut = false

  var listens: Bool { isOpen && !isShut }
  /// sk_acceptq_is_full: one more than was asked for. Verified on loopback: with a backlog of 2 the fourth SYN is dropped.
  var isFull: Bool { waiting.count > backlog }
}
