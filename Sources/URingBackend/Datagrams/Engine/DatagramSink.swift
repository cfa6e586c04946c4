/// Where the events of one datagram socket go. Loop thread only.
///
/// A base class with two subclasses: handlers and tasks. A sink may call back into the engine at any point: what it asks for is
/// done when the turn settles.
class DatagramSink: @unchecked Sendable {
  // Why unchecked: references travel in closures that hop to the loop; every method runs there.

  /// The socket stands.
  func opened(_ index: Int) {}
  /// A datagram arrived. The sink owns it.
  func received(_ index: Int, _ message: ReceivedMessage) { message.release() }
  /// A datagram was not sent, or the network reported what became of an earlier one. The socket goes on.
  func failed(_ index: Int, _ error: SocketError) {}
  /// There is room for more to send, after there was none.
  func writable(_ index: Int) {}
  /// The socket is being closed: nothing is received any more.
  func ended(_ index: Int, _ error: SocketError?) {}
  /// The descriptor is closed, and every view of the kernel's is back. The last call.
  func closed(_ index: Int, _ error: SocketError?) {}
}
