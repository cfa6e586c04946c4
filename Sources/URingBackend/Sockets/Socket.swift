internal import CLiburing
internal import Glibc
internal import SystemPackage

/// The system calls on descriptors that are not worth a submission: each happens once in the life of a listener or a
/// connection. Descriptors stay blocking, because O_NONBLOCK changes what the ring answers.
enum Socket {
  /// socket(2), stream, close-on-exec.
  static func open(for address: SocketAddress) throws(SocketError) -> Int32 {
    let descriptor = socket(address.domain, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw failure(.socket, address) }
    return descriptor
  }

  /// A bound, listening socket. `sharesPort` is SO_REUSEPORT: one listener per loop on the same port.
  static func listen(
    on address: SocketAddress,
    backlog: Int32,
    options: SocketOptions,
    sharesPort: Bool
  ) throws(SocketError) -> Int32 {
    let descriptor = try open(for: address)
    do throws(SocketError) {
      // Unix sockets have no ports to share or to keep.
      let isUnix = address.family == .unix
      if options.reuseAddress, !isUnix { try set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1, address) }
      if sharesPort, !isUnix { try set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1, address) }
      // Said in either case: what holds otherwise is the system's choice.
      if address.family == .ipv6 {
        try set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, options.ipv6Only ? 1 : 0, address)
      }
      try apply(options, to: descriptor, address)
      try address.family == .unix ? bindUnix(descriptor, to: address, options) : bind(descriptor, to: address)
      guard Glibc.listen(descriptor, backlog) == 0 else {
        let failure = failure(.listen, address)
        // Made by this call, a moment ago.
        if let path = address.filePath { _ = unsafe unlink(path) }
        throw failure
      }
      return descriptor
    } catch {
      Glibc.close(descriptor)
      throw error
    }
  }

  /// bind(2).
  static func bind(_ descriptor: Int32, to address: SocketAddress) throws(SocketError) {
    let code = unsafe withKernelForm(of: address) { unsafe Glibc.bind(descriptor, $0, $1) }
    guard code == 0 else { throw failure(.bind, address) }
  }

  /// Calls `body` with the address as bind(2) and connect(2) want it, for the length of the call.
  static func withKernelForm(
    of address: SocketAddress,
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    let (storage, length) = address.kernelForm
    // A sockaddr_storage may be seen as a sockaddr: the call reads `length` bytes of it, during the call.
    return unsafe withUnsafePointer(to: storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
    }
  }

  /// Sets the options that listeners and clients share; on a Unix socket those that are not TCP's.
  static func apply(_ options: SocketOptions, to descriptor: Int32, _ address: SocketAddress) throws(SocketError) {
    let isTCP = address.family != .unix
    if options.noDelay, isTCP { try set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1, address) }
    if options.keepAlive, isTCP { try set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1, address) }
    // The kernel would take a negative size for a very large one.
    if let bytes = options.sendBufferBytes { try set(descriptor, SOL_SOCKET, SO_SNDBUF, max(0, bytes), address) }
    if let bytes = options.receiveBufferBytes { try set(descriptor, SOL_SOCKET, SO_RCVBUF, max(0, bytes), address) }
    if let name = options.congestionControl, isTCP {
      // The kernel would stop at a NUL, or after TCP_CA_NAME_MAX - 1 bytes, and take what it has read for the name.
      guard !name.utf8.contains(0), name.utf8.count < 16 else {
        throw SocketError(.system(.noSuchFileOrDirectory), .option, peer: address)
      }
      // The call reads as many bytes as the name has, during the call.
      let code = unsafe name.withCString {
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_CONGESTION, $0, socklen_t(name.utf8.count))
      }
      guard code == 0 else { throw failure(.option, address) }
    }
  }

  static func set(
    _ descriptor: Int32,
    _ level: Int32,
    _ name: Int32,
    _ value: Int,
    _ address: SocketAddress?
  ) throws(SocketError) {
    var value = Int32(clamping: value)
    // The call reads an Int32, as it is told, during the call.
    guard unsafe setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
      throw failure(.option, address)
    }
  }

  /// getsockname(2): where a socket was bound in the end, as the kernel has it.
  static func localAddress(of descriptor: Int32) -> SocketAddress? {
    unsafe address(of: descriptor) { unsafe getsockname($0, $1, $2) }
  }

  /// getpeername(2), without the mapping of IPv4 into IPv6. Nil once the peer has reset the connection, so it is asked
  /// at the start.
  static func peerAddress(of descriptor: Int32) -> SocketAddress? {
    unsafe address(of: descriptor) { unsafe getpeername($0, $1, $2) }?.unmapped
  }

  private static func address(
    of descriptor: Int32,
    _ call: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    // A sockaddr_storage has room for every address, and the call is told how much there is.
    let code = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe call(descriptor, $0, &length) }
    }
    return code == 0 ? SocketAddress(storage, length: length) : nil
  }

  /// Makes the close a reset: what the peer has not acknowledged is dropped. SO_LINGER with zero seconds, socket(7). On a
  /// Unix socket it changes nothing.
  static func resetOnClose(_ descriptor: Int32) {
    var value = linger(l_onoff: 1, l_linger: 0)
    // The call reads a `linger`, as it is told, during the call.
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
  }

  /// close(2), for descriptors on which the kernel holds no operation.
  static func close(_ descriptor: Int32) {
    Glibc.close(descriptor)
  }

  static func failure(_ operation: SocketError.Operation, _ address: SocketAddress?) -> SocketError {
    SocketError(.system(Errno(rawValue: errno)), operation, peer: address)
  }
}
