package import SystemPackage

/// The calls on sockets that are not worth a submission: each happens a few times in the life of a connection, or when
/// something depends on what the kernel knows.
///
/// Beside the ring, because they ask about the same descriptors: over a simulated kernel they are simulated, too.
package protocol SocketCalls: AnyObject, Sendable {
  /// What a receive would find: recv(2) with MSG_PEEK and MSG_DONTWAIT. An error that it reports is taken.
  func inputState(of descriptor: Int32) -> SocketInputState
  /// Takes the error that a poll has reported: SO_ERROR, socket(7). Nil where there is none.
  func takeError(of descriptor: Int32) -> Errno?
  /// Bytes that the peer has acknowledged so far, or nil where the kernel does not say: `tcpi_bytes_acked`, tcp(7).
  func acknowledgedBytes(of descriptor: Int32) -> UInt64?
  /// Bytes that were sent and that the peer has not acknowledged, a FIN counting as one: SIOCOUTQ, tcp(7). On a Unix socket
  /// the memory of what the peer has not received, which is more than its bytes.
  func unacknowledgedBytes(of descriptor: Int32) -> Int
  /// getsockname(2).
  func localAddress(of descriptor: Int32) -> SocketAddress?
  /// getpeername(2). Nil once the peer has reset the connection.
  func peerAddress(of descriptor: Int32) -> SocketAddress?
  /// Whether there is still somebody on the other side: false once the peer has reset the connection, or, on a Unix socket,
  /// is gone.
  func hasPeer(_ descriptor: Int32) -> Bool
  /// Who made the other end of a Unix socket: SO_PEERCRED, unix(7). Nil on other sockets.
  func peerCredentials(of descriptor: Int32) -> PeerCredentials?
  /// Makes the close a reset: SO_LINGER with zero seconds, socket(7). Does nothing on a Unix socket.
  func resetOnClose(_ descriptor: Int32)
  /// send(2), not waiting, and without SIGPIPE; may be short. Negative errno values.
  func sendNow(_ descriptor: Int32, _ base: UnsafeRawPointer, _ count: Int) -> Int
  /// Sends bytes of a file from the page cache to a socket, which stays a blocking one, without waiting for room: sendfile(2).
  /// Negative errno values; -EINVAL, -ENOSYS and -EOPNOTSUPP where it cannot be done.
  func sendFile(_ descriptor: Int32, file: Int32, at offset: Int, count: Int) -> Int
  /// socket(2), a stream that is close-on-exec, with its options: what a connect begins with.
  func open(for address: SocketAddress, _ options: SocketOptions) throws(SocketError) -> Int32
  /// close(2), for descriptors on which no operation is under way.
  func close(_ descriptor: Int32)
  /// Bytes that are there to be received: FIONREAD. For connections that receive descriptors.
  func readableBytes(of descriptor: Int32) -> Int
  /// recvmsg(2), not waiting, with the descriptors that a peer has passed: SCM_RIGHTS, unix(7).
  func receiveWithDescriptors(_ descriptor: Int32, into memory: UnsafeMutableRawBufferPointer)
    -> ReceivedWithDescriptors
  /// sendmsg(2), not waiting, with descriptors at the first byte. Bytes that were sent, or a negative errno value.
  func send(_ descriptor: Int32, _ memory: UnsafeRawBufferPointer, passing passed: [Int32]) -> Int
}

/// What a receive would find.
package enum SocketInputState: Equatable, Sendable {
  case nothing
  case bytes
  /// The peer has ended its stream, and all bytes before that are taken.
  case ended
  case failed(Errno)
}

extension SocketCalls {
  /// A system whose sends go through its ring.
  package func sendNow(_ descriptor: Int32, _ base: UnsafeRawPointer, _ count: Int) -> Int {
    -Int(Errno.noFunction.rawValue)
  }

  /// A system that knows no files: they are read, and their bytes sent.
  package func sendFile(_ descriptor: Int32, file: Int32, at offset: Int, count: Int) -> Int {
    -Int(Errno.noFunction.rawValue)
  }
  // Where there are no Unix sockets, as on a simulated network.
  package func readableBytes(of descriptor: Int32) -> Int { 0 }
  package func receiveWithDescriptors(
    _ descriptor: Int32,
    into memory: UnsafeMutableRawBufferPointer
  ) -> ReceivedWithDescriptors { ReceivedWithDescriptors(count: -Int(Errno.notSupportedOnSocket.rawValue)) }
  package func send(_ descriptor: Int32, _ memory: UnsafeRawBufferPointer, passing passed: [Int32]) -> Int {
    -Int(Errno.notSupportedOnSocket.rawValue)
  }

  /// Whether both ends of a connection are this one socket. `port` is the one that it was to connect to: almost always its
  /// own is another one, and one call tells.
  func isConnectedToItself(_ descriptor: Int32, port: UInt16) -> Bool {
    guard let own = localAddress(of: descriptor), own.port == port else { return false }
    return own.unmapped == peerAddress(of: descriptor)
  }
}

/// The operating system's.
final class KernelSockets: SocketCalls {
  func inputState(of descriptor: Int32) -> SocketInputState { Socket.inputState(of: descriptor) }
  func takeError(of descriptor: Int32) -> Errno? { Socket.takeError(of: descriptor) }
  func acknowledgedBytes(of descriptor: Int32) -> UInt64? { Socket.acknowledgedBytes(of: descriptor) }
  func unacknowledgedBytes(of descriptor: Int32) -> Int { Socket.unacknowledgedBytes(of: descriptor) }
  func localAddress(of descriptor: Int32) -> SocketAddress? { Socket.localAddress(of: descriptor) }
  func peerAddress(of descriptor: Int32) -> SocketAddress? { Socket.peerAddress(of: descriptor) }
  func hasPeer(_ descriptor: Int32) -> Bool { Socket.hasPeer(descriptor) }
  func peerCredentials(of descriptor: Int32) -> PeerCredentials? { Socket.peerCredentials(of: descriptor) }
  func resetOnClose(_ descriptor: Int32) { Socket.resetOnClose(descriptor) }
  func close(_ descriptor: Int32) { Socket.close(descriptor) }
  func sendNow(_ descriptor: Int32, _ base: UnsafeRawPointer, _ count: Int) -> Int {
    unsafe Socket.sendNow(descriptor, base, count)
  }

  func sendFile(_ descriptor: Int32, file: Int32, at offset: Int, count: Int) -> Int {
    Socket.sendFile(descriptor, file: file, at: offset, count: count)
  }
  func readableBytes(of descriptor: Int32) -> Int { Socket.readableBytes(of: descriptor) }
  func receiveWithDescriptors(
    _ descriptor: Int32,
    into memory: UnsafeMutableRawBufferPointer
  ) -> ReceivedWithDescriptors { unsafe Socket.receive(descriptor, into: memory) }
  func send(_ descriptor: Int32, _ memory: UnsafeRawBufferPointer, passing passed: [Int32]) -> Int {
    unsafe Socket.send(descriptor, memory, passing: passed)
  }

  func open(for address: SocketAddress, _ options: SocketOptions) throws(SocketError) -> Int32 {
    let descriptor = try Socket.open(for: address)
    do throws(SocketError) {
      try Socket.apply(options, to: descriptor, address)
    } catch {
      Socket.close(descriptor)
      throw error
    }
    return descriptor
  }
}
