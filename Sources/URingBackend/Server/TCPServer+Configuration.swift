extension TCPServer {
  /// How a server is set up. Every value has a default that works.
  public struct Configuration: Sendable {
    /// How many loops, with a thread and a listener each, when the server makes its own. One per core is usual.
    public var loops = 1
    /// Pins loop number i to processor i.
    public var pinned = false
    /// What each of the server's own loops is given.
    public var loop = EventLoop.Configuration()
    /// Connections that wait to be accepted, per loop. The kernel caps it at net.core.somaxconn. See listen(2).
    public var backlog: Int32 = 1024
    /// Connections open at once, over all loops. Beyond it accepting pauses, and peers wait in the backlog.
    public var maximumConnections = 100_000
    /// The bounds of each connection.
    public var limits = ConnectionLimits()
    /// The options of the listeners, which accepted sockets inherit.
    public var options = SocketOptions()
    /// After a stop, how long open connections may take to finish before they are closed.
    public var drainTimeout: Duration = .seconds(10)

    /// A configuration in which everything has its default.
    public init() {}
  }
}
