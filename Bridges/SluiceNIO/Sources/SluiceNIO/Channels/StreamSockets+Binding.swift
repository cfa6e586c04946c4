internal import NIOCore
@_spi(Bridging) internal import URingBackend

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

extension StreamSockets {
  /// bind(2).
  static func bind(_ socket: CInt, to address: NIOCore.SocketAddress) throws(IOError) {
    guard let address = SluiceAddress(address) else { throw IOError(errnoCode: EAFNOSUPPORT, reason: "bind") }
    // The bytes are a sockaddr, and as many as are said.
    let status = unsafe address.withSockaddr { bytes -> CInt in
      guard let base = unsafe bytes.assumingMemoryBound(to: sockaddr.self).baseAddress else { return -1 }
      return unsafe SystemCalls.bind(socket, base, bytes.count)
    }
    guard status == 0 else { throw IOError(errnoCode: errno, reason: "bind") }
  }
}
