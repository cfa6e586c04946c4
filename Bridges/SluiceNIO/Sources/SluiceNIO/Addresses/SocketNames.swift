internal import NIOCore

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// What the kernel says that a socket is called.
enum SocketNames {
  /// getsockname(2); nil when it fails.
  static func local(of socket: CInt) -> SocketAddress? { unsafe name { unsafe getsockname(socket, $0, $1) } }

  /// getpeername(2); nil when it fails, as for a socket that is not connected.
  static func peer(of socket: CInt) -> SocketAddress? { unsafe name { unsafe getpeername(socket, $0, $1) } }

  /// Whether it is a Unix socket: SO_DOMAIN, socket(7).
  static func isUnix(_ socket: CInt) -> Bool {
    var domain: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    // The call writes one number, into a variable of its type.
    return unsafe getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_UNIX
  }

  private static func name(
    _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> CInt
  ) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    // A sockaddr_storage may be used as any sockaddr (RFC 3493), and the call is told how large it is.
    let status = unsafe withUnsafeMutableBytes(of: &storage) { room -> CInt in
      guard let base = unsafe room.bindMemory(to: sockaddr.self).baseAddress else { return -1 }
      return unsafe call(base, &length)
    }
    guard status == 0 else { return nil }
    return unsafe withUnsafeBytes(of: storage) {
      unsafe SocketAddress(sockaddr: UnsafeRawBufferPointer(rebasing: $0.prefix(Int(length))))
    }
  }
}
