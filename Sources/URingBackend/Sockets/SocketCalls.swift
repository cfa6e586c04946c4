package import SystemPackage

/// The calls on sockets that are not worth a submission: each happens a few times in the life of a connection, or when
/// something depends on what the kernel knows.
///
/// Beside the ring, because they ask about the same descriptors: over a simulated kernel they are simulated, too.
package protocol SocketCalls: AnyObject {
  /// What a receive would find: recv(2) with MSG_PEEK and MSG_DONTWAIT. An error that it reports is taken.
  func inputState(of descriptor: Int32) -> SocketInputState
  /// Takes the error that a poll has reported: SO_ERROR, socket(7). Nil where there is none.
  func takeError(of descriptor: Int32) -> Errno?
  /// Bytes that the peer has acknowledged so far, or nil where the kernel does not say: `tcpi_bytes_acked`, tcp(7).
  func acknowledgedBytes(of descriptor: Int32) -> UInt64?
  /// Bytes that were sent and that the peer has not acknowledged, a FIN counting as one: SIOCOUTQ, tcp(7).
  func unacknowledgedBytes(of descriptor: Int32) -> Int
  /// getsockname(2).
  func localAddress(of descriptor: Int32) -> SocketAddress?
  /// getpeername(2). Nil once the peer has reset the connection.
  func peerAddress(of descriptor: Int32) -> SocketAddress?
  /// Makes the close a reset: SO_LINGER with zero seconds, socket(7).
  func resetOnClose(_ descriptor: Int32)
  /// socket(2), a stream that is close-on-exec, with its options: what a connect begins with.
  func open(for address: SocketAddress, _ options: SocketOptions) throws(SocketError) -> Int32
  /// close(2), for descriptors on which no operation is under way.
  func close(_ descriptor: Int32)
}

/// What a receive would find.
package enum SocketInputState: Equatable, Sendable {
  case nothing
  case bytes
  /// The peer has ended its stream, and all bytes before that are taken.
  case ended
  case failed(Errno)
}
