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
  /// SO_SNDBUF in bytes, or nil for the kernel's own tuning.
  public var sendBufferBytes: Int?
  /// SO_RCVBUF in bytes, or nil for the kernel's own tuning.
  public var receiveBufferBytes: Int?
  /// TCP_CONGESTION: the name of the congestion control, such as "reno" or "bbr"; nil for the system's own. See tcp(7).
  public var congestionControl: String?

  /// Options in which everything has its default.
  public init() {}
}
