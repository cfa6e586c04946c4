internal import Glibc
package import SystemPackage
package import URingBackend

/// The calls beside the ring.
extension SimulatedSystem {
  package func inputState(of descriptor: Int32) -> SocketInputState {
    begin("recv MSG_PEEK", descriptor)
    let result = network.peek(descriptor)
    note("recv MSG_PEEK", descriptor, Int(result))
    return switch result {
    case 1: .bytes
    case 0: .ended
    case -EAGAIN: .nothing
    default: .failed(Errno(rawValue: -result))
    }
  }

  package func takeError(of descriptor: Int32) -> Errno? {
    begin("SO_ERROR", descriptor)
    let error = network.takeError(of: descriptor)
    note("SO_ERROR", descriptor, Int(error))
    return error == 0 ? nil : Errno(rawValue: error)
  }

  package func acknowledgedBytes(of descriptor: Int32) -> UInt64? {
    begin("TCP_INFO", descriptor)
    return network.acknowledgedBytes(descriptor)
  }

  package func unacknowledgedBytes(of descriptor: Int32) -> Int {
    begin("SIOCOUTQ", descriptor)
    return network.unacknowledgedBytes(descriptor)
  }

  package func localAddress(of descriptor: Int32) -> SocketAddress? {
    begin("getsockname", descriptor)
    return network.localAddress(descriptor)
  }

  package func peerAddress(of descriptor: Int32) -> SocketAddress? {
    begin("getpeername", descriptor)
    return network.peerAddress(descriptor)
  }

  package func hasPeer(_ descriptor: Int32) -> Bool { peerAddress(of: descriptor) != nil }

  /// There are no Unix sockets here.
  package func peerCredentials(of descriptor: Int32) -> PeerCredentials? { nil }

  package func resetOnClose(_ descriptor: Int32) {
    begin("SO_LINGER", descriptor)
    let result = network.resetOnClose(descriptor)
    note("SO_LINGER", descriptor, Int(result))
  }

  package func open(for address: SocketAddress, _ options: SocketOptions) throws(SocketError) -> Int32 {
    network.spendCall()
    guard address.family != .unix else {
      throw SocketError(.system(.addressFamilyNotSupported), .socket, peer: address)
    }
    let descriptor = network.open()
    note("socket", descriptor, Int(descriptor))
    guard descriptor >= 0 else {
      throw SocketError(.system(Errno(rawValue: -descriptor)), .socket, peer: address)
    }
    network.setCapacities(descriptor, send: options.sendBufferBytes, receive: options.receiveBufferBytes)
    return descriptor
  }

  package func close(_ descriptor: Int32) {
    let _: Int32 = close(descriptor)
  }
}
