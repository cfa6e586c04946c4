internal import Glibc

/// An IPv4 or IPv6 address with a port. See ip(7) and ipv6(7).
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// The family of an address.
  public enum Family: UInt8, Sendable {
    /// IPv4, AF_INET.
    case ipv4
    /// IPv6, AF_INET6.
    case ipv6
  }

  /// Which protocol the address belongs to.
  public let family: Family
  /// The port, in host byte order. Port 0 asks the kernel to choose one when a listener is bound.
  public let port: UInt16
  // Network byte order; an IPv4 address stands in the high half's first four bytes.
  private let high: UInt64
  private let low: UInt64
  private let scope: UInt32

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
  }

  /// An address from its text, such as "127.0.0.1", "::1" or "localhost" (which is 127.0.0.1).
  ///
  /// Names of other hosts are not looked up: that blocks, and belongs to a resolver.
  ///
  /// - Throws: `SocketError` of kind `.invalidAddress` when the text is neither. See inet_pton(3).
  public init(host: String, port: UInt16) throws(SocketError) {
    var v4 = in_addr()
    var v6 = in6_addr()
    let text = host == "localhost" ? "127.0.0.1" : host
    if unsafe inet_pton(AF_INET, text, &v4) == 1 {
      self.init(ipv4: UInt32(bigEndian: v4.s_addr), port: port)
    } else if unsafe inet_pton(AF_INET6, text, &v6) == 1 {
      self.init(ipv6: v6, port: port, scope: 0)
    } else {
      throw SocketError(.invalidAddress, .address)
    }
  }

  private init(ipv6 address: in6_addr, port: UInt16, scope: UInt32) {
    family = .ipv6
    self.port = port
    self.scope = scope
    (high, low) = unsafe withUnsafeBytes(of: address) { bytes in
      unsafe (
        UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      )
    }
  }

  /// The same host with another port.
  public func with(port: UInt16) -> SocketAddress {
    SocketAddress(family: family, port: port, high: high, low: low, scope: scope)
  }

  private init(family: Family, port: UInt16, high: UInt64, low: UInt64, scope: UInt32) {
    self.family = family
    self.port = port
    self.high = high
    self.low = low
    self.scope = scope
  }

  /// `127.0.0.1:80` or `[::1]:80`.
  public var description: String {
    family == .ipv4 ? "\(host):\(port)" : "[\(host)]:\(port)"
  }

  /// The host alone, without brackets. See inet_ntop(3).
  public var host: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    switch family {
    case .ipv4:
      var address = in_addr(s_addr: UInt32(truncatingIfNeeded: high >> 32).bigEndian)
      _ = unsafe inet_ntop(AF_INET, &address, &text, socklen_t(text.count))
    case .ipv6:
      var address = ipv6Address
      _ = unsafe inet_ntop(AF_INET6, &address, &text, socklen_t(text.count))
    }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private var ipv6Address: in6_addr {
    var address = in6_addr()
    unsafe withUnsafeMutableBytes(of: &address) { bytes in
      unsafe bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
      unsafe bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
    return address
  }

  // MARK: The kernel's form

  /// AF_INET or AF_INET6.
  var domain: Int32 { family == .ipv4 ? AF_INET : AF_INET6 }

  /// The address as the kernel wants it, with its length.
  var kernelForm: (storage: sockaddr_storage, length: socklen_t) {
    var storage = sockaddr_storage()
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
      }
    }
    return (storage, socklen_t(length))
  }

  /// Reads the kernel's form; nil for another family.
  init?(_ storage: sockaddr_storage) {
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
    default:
      return nil
    }
  }
}
