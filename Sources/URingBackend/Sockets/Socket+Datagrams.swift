internal import CLiburing
internal import Glibc
internal import SystemPackage

/// Datagram sockets: socket(2), setsockopt(2), bind(2), connect(2), none of which waits for one of them.
extension Socket {
  /// A bound socket. A client is bound to port 0, or to a name of the kernel's choice.
  static func bindDatagrams(
    to address: SocketAddress,
    _ options: DatagramOptions
  ) throws(SocketError) -> Int32 {
    let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(address.domain, type, 0)
    guard descriptor >= 0 else { throw failure(.socket, address) }
    do throws(SocketError) {
      try apply(options, to: descriptor, address)
      if address.family == .unix {
        var unix = SocketOptions()
        unix.unix = options.unix
        try bindUnix(descriptor, to: address, unix)
      } else {
        try bind(descriptor, to: address)
      }
      return descriptor
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// connect(2): datagrams come from there and go there alone.
  static func connectDatagrams(_ descriptor: Int32, to address: SocketAddress) throws(SocketError) {
    let code = unsafe withKernelForm(of: address) { unsafe Glibc.connect(descriptor, $0, $1) }
    guard code == 0 else { throw failure(.connect, address) }
  }

  private static func apply(
    _ options: DatagramOptions,
    to descriptor: Int32,
    _ address: SocketAddress
  ) throws(SocketError) {
    if let bytes = options.sendBufferBytes { try set(descriptor, SOL_SOCKET, SO_SNDBUF, max(0, bytes), address) }
    if let bytes = options.receiveBufferBytes { try set(descriptor, SOL_SOCKET, SO_RCVBUF, max(0, bytes), address) }
    // Only a count that is missing where the kernel does not know it.
    try? set(descriptor, SOL_SOCKET, ControlMessage.queueOverflow, 1, address)
    if address.family == .unix {
      if options.reportsCredentials { try set(descriptor, SOL_SOCKET, SO_PASSCRED, 1, address) }
      return
    }
    if options.reuseAddress { try set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1, address) }
    if options.sharesPort { try set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1, address) }
    if options.mayBroadcast { try set(descriptor, SOL_SOCKET, SO_BROADCAST, 1, address) }
    if options.joinsSegments { try set(descriptor, ControlMessage.udp, ControlMessage.udpGRO, 1, address) }
    let isIPv6 = address.family == .ipv6
    if isIPv6 { try set(descriptor, ControlMessage.ipv6, IPV6_V6ONLY, options.ipv6Only ? 1 : 0, address) }
    for option in options.numbers {
      if isIPv6 {
        if let name = option.ipv6 { try set(descriptor, ControlMessage.ipv6, name, option.value, address) }
        // IPv4 that comes and goes through the same socket; its own options hold there, where there is IPv4.
        if !options.ipv6Only, option.isForBoth, let name = option.ip {
          try? set(descriptor, ControlMessage.ip, name, option.value, address)
        }
      } else if let name = option.ip {
        try set(descriptor, ControlMessage.ip, name, option.value, address)
      }
    }
    if options.multicastInterface != 0 { try setMulticastInterface(descriptor, options.multicastInterface, address) }
  }

  // MARK: Multicast

  /// MCAST_JOIN_GROUP and MCAST_LEAVE_GROUP of ip(7): the same for both families.
  static func changeMembership(
    _ descriptor: Int32,
    of group: SocketAddress,
    interface: UInt32,
    joins: Bool
  ) throws(SocketError) {
    let level = group.family == .ipv6 ? ControlMessage.ipv6 : ControlMessage.ip
    // struct group_req: the interface, padding, a sockaddr_storage.
    let code = unsafe withUnsafeTemporaryAllocation(byteCount: 136, alignment: 8) { request -> Int32 in
      guard let base = request.baseAddress else { return -1 }
      unsafe request.initializeMemory(as: UInt8.self, repeating: 0)
      unsafe base.storeBytes(of: interface, as: UInt32.self)
      // Room for every address.
      _ = unsafe group.writeKernelForm(to: base + 8)
      return unsafe setsockopt(descriptor, level, joins ? 42 : 45, base, 136)
    }
    guard code == 0 else { throw failure(.option, group) }
  }

  private static func setMulticastInterface(
    _ descriptor: Int32,
    _ interface: UInt32,
    _ address: SocketAddress
  ) throws(SocketError) {
    if address.family == .ipv6 {
      try set(descriptor, ControlMessage.ipv6, IPV6_MULTICAST_IF, Int(interface), address)
      return
    }
    // struct ip_mreqn: the group, the address of this host, the interface. The call reads the variable.
    var request: (UInt32, UInt32, UInt32) = (0, 0, interface)
    let code = unsafe setsockopt(descriptor, ControlMessage.ip, IP_MULTICAST_IF, &request, 12)
    guard code == 0 else { throw failure(.option, address) }
  }
}

extension DatagramOptions {
  /// One option that both families have, each under a name of its own.
  fileprivate struct Number {
    var ip: Int32?
    var ipv6: Int32?
    var value: Int
    /// On a socket for both families each of the names counts for one of them.
    var isForBoth = true
  }

  /// The options that are set, with the numbers of linux/in.h and linux/in6.h.
  fileprivate var numbers: [Number] {
    var numbers: [Number] = []
    // What is not said is as the kernel has it, which is our default, too.
    if multicastHops != 1 { numbers.append(Number(ip: 33, ipv6: 18, value: min(max(0, multicastHops), 255))) }
    if !multicastLoopback { numbers.append(Number(ip: 34, ipv6: 19, value: 0)) }
    // On a socket for both families IPv6's speaks of IPv4, too; both at a time would say it twice.
    if reportsLocalAddress == true { numbers.append(Number(ip: 8, ipv6: 49, value: 1, isForBoth: false)) }
    if reportsECN { numbers.append(Number(ip: 13, ipv6: 66, value: 1)) }
    if reportsHopLimit { numbers.append(Number(ip: 12, ipv6: 51, value: 1)) }
    if let hopLimit { numbers.append(Number(ip: 2, ipv6: 16, value: min(max(1, hopLimit), 255))) }
    // IP_MTU_DISCOVER and IPV6_MTU_DISCOVER: IP_PMTUDISC_PROBE.
    if !mayFragment { numbers.append(Number(ip: 10, ipv6: 23, value: 3)) }
    return numbers
  }
}
