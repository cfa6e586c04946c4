/// How a datagram socket is set up. Every value has a default that works. See udp(7), ip(7), ipv6(7), unix(7) and socket(7).
public struct DatagramOptions: Sendable {
  // MARK: Receiving

  /// The longest datagram that is received whole, in bytes, at most 65,535. What is longer is cut, and says so
  /// (``Datagram/isTruncated``). Memory is taken in slots of a few sizes; up to about 1,800 the smallest does, 2 KiB.
  public var largestDatagram = 1500
  /// Whether the kernel may join datagrams that follow each other into one train (UDP_GRO): fewer, larger ones, each with a
  /// ``Datagram/segmentSize``. Slots then have 64 KiB each. UDP only.
  public var joinsSegments = false
  /// Whether each datagram says which address it was sent to (IP_PKTINFO, IPV6_RECVPKTINFO), so that a reply can come from
  /// there. Nil: where the socket is bound to all addresses, which else would leave the choice to the routes.
  public var reportsLocalAddress: Bool?
  /// Whether each datagram says its ECN codepoint (IP_RECVTOS, IPV6_RECVTCLASS).
  public var reportsECN = false
  /// Whether each datagram says its remaining hops (IP_RECVTTL, IPV6_RECVHOPLIMIT).
  public var reportsHopLimit = false
  /// Whether each datagram says which process sent it (SO_PASSCRED). Unix sockets only.
  public var reportsCredentials = false
  /// How many descriptors may come with a datagram, at most 253. Others are closed. Unix sockets only.
  public var maximumDescriptors = 0
  /// How many datagrams wait for a task that does not take them, before the socket receives no more. They then wait in the
  /// kernel's queue, which drops what has no room. At least 1.
  public var receiveQueueDatagrams = 256
  /// SO_RCVBUF in bytes, or nil for the system's default (net.core.rmem_default). The kernel doubles it, and brings it
  /// into its range (net.core.rmem_max).
  public var receiveBufferBytes: Int?

  // MARK: Sending

  /// The most datagrams that are with the kernel at a time. What comes beyond is refused, the newest first. At least 1.
  public var sendQueueDatagrams = 1024
  /// The most bytes of theirs. A single datagram always has room. At least 1.
  public var sendQueueBytes = 1 << 20
  /// SO_SNDBUF in bytes, or nil for the system's default. See ``receiveBufferBytes``.
  public var sendBufferBytes: Int?
  /// Hops that a datagram to a single host may take, 1 to 255 (IP_TTL, IPV6_UNICAST_HOPS); nil for the system's default.
  public var hopLimit: Int?
  /// Whether what is longer than the path allows may be sent in fragments. Otherwise sending it fails with EMSGSIZE, and
  /// routers must not cut it either (IP_PMTUDISC_PROBE): what finds out a path's size does that.
  public var mayFragment = true
  /// Whether broadcast addresses may be sent to (SO_BROADCAST).
  public var mayBroadcast = false

  // MARK: Multicast

  /// Hops that a datagram to a group may take, 0 to 255: 1 stays in this network (IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS).
  public var multicastHops = 1
  /// Whether members on this host receive what is sent to a group (IP_MULTICAST_LOOP).
  public var multicastLoopback = true
  /// The number of the interface (if_nametoindex(3)) through which groups are sent to; 0: the routes decide.
  public var multicastInterface: UInt32 = 0

  // MARK: Binding

  /// SO_REUSEADDR: other sockets may be bound to the same port, and each receives what is sent to a group. Whatever is sent to a
  /// single host goes to one of them.
  public var reuseAddress = false
  /// SO_REUSEPORT: sockets of this user share a port, and the kernel spreads the senders over them.
  public var sharesPort = false
  /// IPV6_V6ONLY, for sockets on an IPv6 address: whether one on `::` leaves IPv4 alone.
  public var ipv6Only = false
  /// How the file of a Unix socket is treated.
  public var unix = SocketOptions.Unix()

  /// Options in which everything has its default.
  public init() {}
}

extension DatagramOptions {
  /// How slots are laid out for a socket of this family.
  func layout(_ family: SocketAddress.Family) -> MessageLayout {
    let isUnix = family == .unix
    // How many the kernel has dropped comes with the others.
    var control = ControlMessage.space(4)
    if isUnix {
      if reportsCredentials { control += ControlMessage.space(12) }
      let descriptors = min(max(0, maximumDescriptors), DescriptorList.maximumCount)
      if descriptors > 0 { control += ControlMessage.space(4 * descriptors) }
    } else {
      if reportsLocalAddress == true { control += ControlMessage.space(20) }
      if reportsECN { control += ControlMessage.space(4) }
      if reportsHopLimit { control += ControlMessage.space(4) }
      if joinsSegments { control += ControlMessage.space(4) }
    }
    return MessageLayout(nameBytes: isUnix ? 112 : 32, controlBytes: UInt16(truncatingIfNeeded: control))
  }

  /// The most bytes of one datagram, or of a train.
  func largestPayload(_ family: SocketAddress.Family) -> Int {
    joinsSegments && family != .unix ? 65_535 : min(max(1, largestDatagram), 65_535)
  }
}
