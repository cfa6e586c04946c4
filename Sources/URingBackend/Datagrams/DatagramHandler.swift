/// A datagram socket served synchronously, on its loop's thread: the fast path.
///
/// One value is made for each socket and lives as long as the socket; it is never used from two threads, so it need not be
/// `Sendable`, and it is never copied, so it need not be `Copyable`. Its methods must not block: everything else on the loop
/// waits meanwhile. They cannot throw: anybody can send a datagram, and none of them is a reason to give a socket up.
///
/// ```swift
/// struct Echo: DatagramHandler {
///   mutating func received(_ datagram: consuming Datagram, on socket: borrowing DatagramContext) {
///     guard let path = datagram.path else { return }
///     socket.send(datagram.takePayload(), over: path)
///   }
/// }
/// ```
public protocol DatagramHandler: ~Copyable, SendableMetatype {
  /// The socket stands. Does nothing by default.
  mutating func opened(_ socket: borrowing DatagramContext)

  /// A datagram arrived. Keep it, take its bytes, or drop it; its memory is used again when the last view of it is released.
  mutating func received(_ datagram: consuming Datagram, on socket: borrowing DatagramContext)

  /// A datagram was not sent, or the network reported what became of an earlier one: on a connected socket that nobody
  /// listens there (ECONNREFUSED). The socket goes on. `error.peer` says where it was to go. Does nothing by default.
  mutating func failed(_ error: SocketError, on socket: borrowing DatagramContext)

  /// Half of what may be with the kernel is free again, after a send had been refused. Does nothing by default.
  mutating func writable(_ socket: borrowing DatagramContext)

  /// The socket is gone. `error` says why if it did not end in the ordinary way. Does nothing by default.
  mutating func closed(_ error: SocketError?)
}

extension DatagramHandler where Self: ~Copyable {
  /// Does nothing.
  public mutating func opened(_ socket: borrowing DatagramContext) {}
  /// Does nothing.
  public mutating func failed(_ error: SocketError, on socket: borrowing DatagramContext) {}
  /// Does nothing.
  public mutating func writable(_ socket: borrowing DatagramContext) {}
  /// Does nothing.
  public mutating func closed(_ error: SocketError?) {}
}
