public import SystemPackage

/// Options of sockets that servers and clients need. See tcp(7), socket(7), ip(7) and unix(7).
///
/// On a listener they are set once, before `listen`: accepted sockets inherit them. On Unix sockets only the sizes of the
/// buffers, ``receivedDescriptors`` and ``unix`` count; the rest is left out there.
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
  /// How many descriptors the peer on a Unix socket may have passed that nobody has taken (`TCPConnection.takeDescriptors(_:)`). With
  /// 0, the default, none are received: the kernel closes what is passed. A peer that passes more breaks its connection
  /// (ETOOMANYREFS). See SCM_RIGHTS in unix(7).
  public var receivedDescriptors = 0
  /// What is for listeners on Unix sockets in the file system alone.
  public var unix = Unix()

  /// Options in which everything has its default.
  public init() {}

  /// How a listener treats the file that its Unix socket is in the file system: unix(7).
  public struct Unix: Sendable, Equatable {
    /// The permissions of the socket's file, such as `[.ownerReadWrite, .groupReadWrite]`: who may write to it may connect.
    /// Nil: everybody, less what the process's umask takes away (umask(2)).
    ///
    /// The file has them when it appears, or fewer: a umask that takes more away is made up for before the server listens.
    /// They do not count for those who may do everything, and directories count as well.
    public var permissions: FilePermissions?
    /// Whether a socket that a server left behind is removed when its path is to be listened on. On by default.
    ///
    /// Removed is what is a socket and that no socket is bound to any more, as the kernel says when it is asked to connect
    /// there; never the socket of a program that runs, or another file: those are EADDRINUSE.
    public var removesStaleSocket = true

    /// Options in which everything has its default.
    public init() {}
  }
}
