internal import NIOCore
@_spi(Bridging) internal import URingBackend

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

extension NIOCore.SocketAddress {
  /// Reads a `sockaddr` of which just these bytes count.
  ///
  /// SwiftNIO's address of a Unix socket has no length. An abstract name goes in with its NUL in front, and nothing says where it
  /// ended; a socket without a name is all zero.
  ///
  /// - Returns: nil when they are no address of a known family.
  init?(sockaddr bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= MemoryLayout<sa_family_t>.size else { return nil }
    // Each copy is cut to what there is, on either side. Any bytes make a valid struct of C.
    switch unsafe Int32(bytes.loadUnaligned(as: sa_family_t.self)) {
    case AF_INET where bytes.count >= MemoryLayout<sockaddr_in>.size:
      self.init(unsafe bytes.loadUnaligned(as: sockaddr_in.self))
    case AF_INET6 where bytes.count >= MemoryLayout<sockaddr_in6>.size:
      self.init(unsafe bytes.loadUnaligned(as: sockaddr_in6.self))
    case AF_UNIX:
      var address = sockaddr_un()
      unsafe withUnsafeMutableBytes(of: &address) { room in
        unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(room.count)))
      }
      self.init(address)
    default: return nil
    }
  }

  /// An address of the core. Always there: each family of the core is one of SwiftNIO's.
  init?(_ address: SluiceAddress) {
    let made = unsafe address.withSockaddr { unsafe NIOCore.SocketAddress(sockaddr: $0) }
    guard let made else { return nil }
    self = made
  }

  /// The same address, as that of a host that was looked up.
  func named(_ host: String) -> NIOCore.SocketAddress {
    switch self {
    case .v4(let address): NIOCore.SocketAddress(address.address, host: host)
    case .v6(let address): NIOCore.SocketAddress(address.address, host: host)
    case .unixDomainSocket: self
    }
  }

  /// Whether it is the address of a Unix socket.
  var isUnix: Bool {
    if case .unixDomainSocket = self { true } else { false }
  }
}

extension SluiceAddress {
  /// An address of SwiftNIO.
  ///
  /// Zeros at the end of an abstract name are no part of it: SwiftNIO's address has no length, so they are what is left of its room.
  init?(_ address: NIOCore.SocketAddress) {
    let made = unsafe address.withSockAddr { base, count in
      // The call lends as many bytes as it says.
      let bytes = unsafe UnsafeRawBufferPointer(start: base, count: count)
      let used = unsafe address.isUnix ? NIOCore.SocketAddress.lengthOfUnix(bytes) : count
      return unsafe SluiceAddress(sockaddr: UnsafeRawBufferPointer(rebasing: bytes.prefix(used)))
    }
    guard let made else { return nil }
    self = made
  }
}

extension NIOCore.SocketAddress {
  /// How much of a `sockaddr_un` counts: all of it for a path, which ends at its NUL.
  fileprivate static func lengthOfUnix(_ bytes: UnsafeRawBufferPointer) -> Int {
    let start = MemoryLayout<sa_family_t>.size
    guard bytes.count > start, unsafe bytes[start] == 0 else { return bytes.count }
    return unsafe (bytes.lastIndex { $0 != 0 }).map { max($0 + 1, start) } ?? start
  }
}
