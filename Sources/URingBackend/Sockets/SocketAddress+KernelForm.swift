internal import CLiburing
internal import Glibc

/// Addresses in the memory of messages: once per datagram, so no `sockaddr_storage` is filled on the way.
extension SocketAddress {
  /// Room for every address, as `sockaddr_storage` has it.
  static var kernelFormBytes: Int { 128 }

  /// Reads an address of which `count` bytes are there; nil where they are none of a known family.
  init?(kernelForm base: UnsafeRawPointer, count: Int) {
    // Each load is within `count` bytes, which the caller says are there; on whatever address.
    guard count >= 2 else { return nil }
    switch Int32(unsafe base.loadUnaligned(as: sa_family_t.self)) {
    case AF_INET where count >= 8:
      unsafe self.init(
        ipv4: UInt32(bigEndian: base.loadUnaligned(fromByteOffset: 4, as: UInt32.self)),
        port: UInt16(bigEndian: base.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
      )
    case AF_INET6 where count >= 28:
      unsafe self.init(
        ipv6: base + 8,
        port: UInt16(bigEndian: base.loadUnaligned(fromByteOffset: 2, as: UInt16.self)),
        scope: base.loadUnaligned(fromByteOffset: 24, as: UInt32.self)
      )
    case AF_UNIX:
      let bytes = unsafe UnsafeRawBufferPointer(start: base, count: min(count, SocketAddress.kernelFormBytes))
      self = unsafe SocketAddress.readUnix(bytes, length: bytes.count)
    default: return nil
    }
  }

  /// An IPv6 address from its sixteen bytes in network order.
  init(ipv6 base: UnsafeRawPointer, port: UInt16, scope: UInt32) {
    // The caller says that they are there.
    unsafe self.init(
      family: .ipv6,
      port: port,
      high: UInt64(bigEndian: base.loadUnaligned(as: UInt64.self)),
      low: UInt64(bigEndian: base.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
      scope: scope
    )
  }

  /// The host of an IPv4 address as its number.
  var ipv4Host: UInt32 { UInt32(truncatingIfNeeded: high >> 32) }

  /// Whether this is no address but the wish for all: 0.0.0.0 or ::.
  var isAny: Bool { family != .unix && high == 0 && low == 0 }

  /// Whether it is the address of a group: 224.0.0.0/4, ff00::/8.
  var isMulticast: Bool {
    switch family {
    case .ipv4: ipv4Host >> 28 == 0xE
    case .ipv6: high >> 56 == 0xFF
    case .unix: false
    }
  }

  /// Writes the kernel's form. There must be room for ``kernelFormBytes``.
  /// - Returns: how long it is.
  @inline(__always)
  func writeKernelForm(to base: UnsafeMutableRawPointer) -> Int {
    // Each store is within what the caller says there is room for.
    switch family {
    case .ipv4:
      unsafe base.storeBytes(of: sa_family_t(AF_INET), as: sa_family_t.self)
      unsafe base.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
      unsafe base.storeBytes(of: ipv4Host.bigEndian, toByteOffset: 4, as: UInt32.self)
      unsafe base.storeBytes(of: 0, toByteOffset: 8, as: UInt64.self)
      return 16
    case .ipv6:
      unsafe base.storeBytes(of: sa_family_t(AF_INET6), as: sa_family_t.self)
      unsafe base.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
      unsafe base.storeBytes(of: 0, toByteOffset: 4, as: UInt32.self)
      unsafe writeIPv6Host(to: base + 8)
      unsafe base.storeBytes(of: scope, toByteOffset: 24, as: UInt32.self)
      return 28
    case .unix: return unsafe writeUnix(to: base)
    }
  }

  /// The sixteen bytes of an IPv6 address.
  func writeIPv6Host(to base: UnsafeMutableRawPointer) {
    // Room for sixteen bytes is there, the caller says.
    unsafe base.storeBytes(of: high.bigEndian, as: UInt64.self)
    unsafe base.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
  }

  @inline(never)
  private func writeUnix(to base: UnsafeMutableRawPointer) -> Int {
    let bytes = unsafe UnsafeMutableRawBufferPointer(start: base, count: SocketAddress.kernelFormBytes)
    // A path is written without the NUL behind it.
    unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
    return unsafe SocketAddress.write(unixName ?? UnixName.nowhere, bytes)
  }
}
