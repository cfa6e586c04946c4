internal import CLiburing
internal import Glibc

/// An IPv4 or IPv6 address with a port, or the name of a Unix socket. See ip(7), ipv6(7) and unix(7).
///
/// Two addresses are equal when family, host, port and scope are. An IPv4-mapped IPv6 address is not equal to the IPv4
/// address that it stands for; ``unmapped`` makes the one of the other. Unix sockets are told apart by their names, byte by
/// byte; those without a name, as most clients are, are all equal.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// The family of an address.
  public enum Family: UInt8, Sendable {
    /// IPv4, AF_INET.
    case ipv4
    /// IPv6, AF_INET6.
    case ipv6
    /// A Unix socket, AF_UNIX.
    case unix
  }

  /// Which protocol the address belongs to.
  public let family: Family
  /// The port, in host byte order. Port 0 asks the kernel to choose one when a listener is bound. Unix sockets have none: 0.
  public let port: UInt16
  /// The interface that a link-local IPv6 address belongs to, as a number (see if_nametoindex(3)); 0 for all others.
  ///
  /// The same link-local address may exist on each interface, so it says little without one. RFC 4007 calls it a zone.
  public let scope: UInt32
  // Network byte order; an IPv4 address stands in the high half's first four bytes.
  let high: UInt64
  let low: UInt64
  /// Of a Unix socket; nil for all others, so that copying those counts no reference.
  let unixName: UnixName?

  /// 127.0.0.1 with a port.
  public static func loopback(port: UInt16) -> SocketAddress {
    SocketAddress(ipv4: 0x7F00_0001, port: port)
  }

  /// 0.0.0.0 with a port: every IPv4 interface.
  public static func any(port: UInt16) -> SocketAddress {
    SocketAddress(ipv4: 0, port: port)
  }

  /// An IPv4 address from its number, such as 0x7F000001 for 127.0.0.1.
  public init(ipv4 host: UInt32, port: UInt16) {
    family = .ipv4
    self.port = port
    high = UInt64(host) << 32
    low = 0
    scope = 0
    unixName = nil
  }

  init(_ name: UnixName) {
    family = .unix
    port = 0
    high = 0
    low = 0
    scope = 0
    unixName = name
  }

  /// An address from its text, such as "127.0.0.1", "::1", "fe80::1%eth0" or "localhost" (which is 127.0.0.1).
  ///
  /// What follows a `%` is the interface of a link-local address, by its name or its number (RFC 4007, section 11); the
  /// system is asked which. Names of other hosts are not looked up: that blocks, and belongs to a resolver.
  ///
  /// - Throws: `SocketError` of kind `.invalidAddress` when the text is no address (see inet_pton(3)), `.invalidScope`
  ///   when there is no such interface, or the address is none that an interface belongs to.
  public init(host: String, port: UInt16) throws(SocketError) {
    // The calls below take a C string, and would not see what follows its end.
    guard !host.utf8.contains(0) else { throw SocketError(.invalidAddress, .address) }
    let percent = host.firstIndex(of: "%")
    let text = host == "localhost" ? "127.0.0.1" : String(host[..<(percent ?? host.endIndex)])
    var v4 = in_addr()
    var v6 = in6_addr()
    // Each call writes one address of the family that it is told, into a variable of just that type.
    if percent == nil, unsafe inet_pton(AF_INET, text, &v4) == 1 {
      self.init(ipv4: UInt32(bigEndian: v4.s_addr), port: port)
    } else if unsafe inet_pton(AF_INET6, text, &v6) == 1 {
      let address = SocketAddress(ipv6: v6, port: port, scope: 0)
      guard let percent else {
        self = address
        return
      }
      guard let index = SocketAddress.interface(host[host.index(after: percent)...]) else {
        throw SocketError(.invalidScope, .address)
      }
      self = try address.with(scope: index)
    } else {
      throw SocketError(.invalidAddress, .address)
    }
  }

  /// The number of the interface with this name or number; nil when there is none.
  private static func interface(_ text: Substring) -> UInt32? {
    // IF_NAMESIZE counts the NUL. Some C libraries cut a longer name off, and would find another interface.
    guard !text.isEmpty, text.utf8.count < Int(IF_NAMESIZE) else { return nil }
    let index = unsafe if_nametoindex(String(text))
    if index != 0 { return index }
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt32(text) else { return nil }
    return name(ofInterface: number) == nil ? nil : number
  }

  /// See if_indextoname(3). Nil when there is no such interface.
  private static func name(ofInterface number: UInt32) -> String? {
    var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
    // The call writes IF_NAMESIZE bytes at most, which is what the array has.
    guard unsafe if_indextoname(number, &name) != nil else { return nil }
    return string(name)
  }

  private static func string(_ text: [CChar]) -> String {
    String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private init(ipv6 address: in6_addr, port: UInt16, scope: UInt32) {
    family = .ipv6
    self.port = port
    self.scope = scope
    unixName = nil
    // An in6_addr has 16 bytes: two words, the second at 8.
    (high, low) = unsafe withUnsafeBytes(of: address) { bytes in
      unsafe (
        UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      )
    }
  }

  /// The same host with another port. A Unix socket has no port, and stays what it is.
  public func with(port: UInt16) -> SocketAddress {
    guard family != .unix else { return self }
    return SocketAddress(family: family, port: port, high: high, low: low, scope: scope)
  }

  /// The same link-local address on the interface with this number (see if_nametoindex(3)). 0 takes the interface away.
  ///
  /// Whether there is such an interface is for the kernel to say, when the address is used.
  ///
  /// - Throws: `SocketError` of kind `.invalidScope` when the address is not link-local: the kernel would not look at it.
  public func with(scope: UInt32) throws(SocketError) -> SocketAddress {
    guard scope == 0 || isLinkLocal else { throw SocketError(.invalidScope, .address) }
    return SocketAddress(family: family, port: port, high: high, low: low, scope: scope)
  }

  /// For an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`, RFC 4291, section 2.5.5.2) the IPv4 address that it stands
  /// for; any other address as it is.
  ///
  /// A listener that serves both families sees its IPv4 peers as mapped addresses. `TCPConnection.peer` and the like
  /// are unmapped already, so an IPv4 peer looks the same whichever listener took it.
  public var unmapped: SocketAddress {
    guard family == .ipv6, high == 0, low >> 32 == 0xFFFF else { return self }
    return SocketAddress(ipv4: UInt32(truncatingIfNeeded: low), port: port)
  }

  /// Whether the kernel looks at the scope: fe80::/10, and multicast to an interface or link (ff01, ff02 and with flags).
  var isLinkLocal: Bool {
    guard family == .ipv6 else { return false }
    if high >> 54 == 0xFE80 >> 6 { return true }
    return high >> 56 == 0xFF && (1...2).contains(high >> 48 & 0xF)
  }

  init(family: Family, port: UInt16, high: UInt64, low: UInt64, scope: UInt32) {
    self.family = family
    self.port = port
    self.high = high
    self.low = low
    self.scope = scope
    unixName = nil
  }

  /// `127.0.0.1:80`, `[::1]:80` or `[fe80::1%eth0]:80`; `unix:/run/app.sock`, `unix:@name` for an abstract name, or
  /// `unix:` for a Unix socket without a name.
  public var description: String {
    switch family {
    case .ipv4: "\(host):\(port)"
    case .ipv6: "[\(host)]:\(port)"
    case .unix: "unix:\(host)"
    }
  }

  /// The host alone, without brackets. See inet_ntop(3). Of a Unix socket its path, or `@` and its abstract name, or nothing.
  ///
  /// Where there is a scope, `%` and the interface follow: its name, for which the system is asked, or its number when it
  /// has no name any more.
  public var host: String {
    if let unixName { return unixName.text }
    // INET6_ADDRSTRLEN is what the longest address and its NUL need, and the call is told how much there is.
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    switch family {
    case .ipv4:
      var address = in_addr(s_addr: UInt32(truncatingIfNeeded: high >> 32).bigEndian)
      _ = unsafe inet_ntop(AF_INET, &address, &text, socklen_t(text.count))
    case .ipv6:
      var address = ipv6Address
      _ = unsafe inet_ntop(AF_INET6, &address, &text, socklen_t(text.count))
    case .unix: break
    }
    let address = SocketAddress.string(text)
    guard scope != 0 else { return address }
    return "\(address)%\(SocketAddress.name(ofInterface: scope) ?? String(scope))"
  }

  private var ipv6Address: in6_addr {
    var address = in6_addr()
    // As above: 16 bytes.
    unsafe withUnsafeMutableBytes(of: &address) { bytes in
      unsafe bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
      unsafe bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
    return address
  }

  // MARK: The kernel's form

  /// AF_INET, AF_INET6 or AF_UNIX.
  var domain: Int32 {
    switch family {
    case .ipv4: AF_INET
    case .ipv6: AF_INET6
    case .unix: AF_UNIX
    }
  }

  /// The address as the kernel wants it, with its length.
  var kernelForm: (storage: sockaddr_storage, length: socklen_t) {
    var storage = sockaddr_storage()
    // sockaddr_storage has room for, and the alignment of, every kind of address: that is what it is for (RFC 3493).
    let length = unsafe withUnsafeMutableBytes(of: &storage) { bytes -> Int in
      switch family {
      case .ipv4:
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(truncatingIfNeeded: high >> 32).bigEndian
        unsafe bytes.storeBytes(of: address, as: sockaddr_in.self)
        return MemoryLayout<sockaddr_in>.size
      case .ipv6:
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        address.sin6_addr = ipv6Address
        address.sin6_scope_id = scope
        unsafe bytes.storeBytes(of: address, as: sockaddr_in6.self)
        return MemoryLayout<sockaddr_in6>.size
      case .unix:
        return unsafe SocketAddress.write(unixName ?? UnixName.nowhere, bytes)
      }
    }
    return (storage, socklen_t(length))
  }

  /// Reads the kernel's form, of which `length` bytes count; nil for another family. Only Unix sockets need the length.
  init?(_ storage: sockaddr_storage, length: socklen_t = socklen_t(MemoryLayout<sockaddr_storage>.size)) {
    // The family says which of the structs the bytes are, and the storage is larger than either.
    switch Int32(storage.ss_family) {
    case AF_INET:
      let address = unsafe withUnsafeBytes(of: storage) { unsafe $0.loadUnaligned(as: sockaddr_in.self) }
      self.init(ipv4: UInt32(bigEndian: address.sin_addr.s_addr), port: UInt16(bigEndian: address.sin_port))
    case AF_INET6:
      let address = unsafe withUnsafeBytes(of: storage) { unsafe $0.loadUnaligned(as: sockaddr_in6.self) }
      self.init(
        ipv6: address.sin6_addr,
        port: UInt16(bigEndian: address.sin6_port),
        scope: address.sin6_scope_id
      )
    case AF_UNIX:
      self = unsafe withUnsafeBytes(of: storage) { unsafe SocketAddress.readUnix($0, length: Int(length)) }
    default:
      return nil
    }
  }
}
