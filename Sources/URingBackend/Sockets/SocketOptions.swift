/// Options of TCP sockets that servers and clients need. See tcp(7), socket(7) and ip(7).
///
/// On a listener they are set once, before `listen`: accepted sockets inherit them.
public struct SocketOptions: Sendable, Equatable {
  /// TCP_NODELAY: send at once. On by default: small replies that wait for an acknowledgement cost 40 ms each.
  public var noDelay = true
  /// SO_KEEPALIVE: probe peers that have been silent for long.
  public var keepAlive = false
  /// SO_REUSEADDR: bind while earlier connections are in TIME_WAIT. Listeners only.
  public var reuseAddress = true
  /// IPV6_V6ONLY, for listeners on an IPv6 address: whether one on `::` leaves IPv4 alone.
  ///
  /// Off by default, whatever net.ipv6.bindv6only says, so that `::` serves both families, as it does on most systems
  /// and in most servers. IPv4 peers then show as IPv4 addresses (``SocketAddress/unmapped``), and the port must be free
  /// in both families. See ipv6(7) and RFC 3493, section 5.3.
  public var ipv6Only = false
  /// SO_SNDBUF in bytes, or nil for the kernel's own tuning. The kernel doubles it, and brings it into its range
  /// (net.core.wmem_max); numbers below 0 are taken as 0.
  public var sendBufferBytes: Int?
  /// SO_RCVBUF in bytes, or nil for the kernel's own tuning. The kernel doubles it, and brings it into its range
  /// (net.core.rmem_max); numbers below 0 are taken as 0.
  public var receiveBufferBytes: Int?
  /// TCP_CONGESTION: the name of the congestion control, such as "reno" or "bbr"; nil for the system's own. See tcp(7). A
  /// name that the kernel does not know is an error of the operation `.option`, with ENOENT.
  public var congestionControl: String?

  /// Options in which everything has its default.
  public init() {}
}
