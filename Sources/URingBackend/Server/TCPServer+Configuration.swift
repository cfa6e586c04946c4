extension TCPServer {
  /// How a server is set up. Every value has a default that works; numbers that make no sense are brought into range.
  public struct Configuration: Sendable {
    /// How many loops, with a thread and a listener each, when the server makes its own. One per core is usual. From 1 to
    /// 1024, see ``LoopGroup``.
    public var loops = 1
    /// Pins loop number i to processor i.
    public var pinned = false
    /// What each of the server's own loops is given; `poolBytes` is for one loop.
    public var loop = EventLoop.Configuration()
    /// Connections that wait to be accepted, per loop: at least 1. The kernel caps it at net.core.somaxconn. See listen(2).
    /// On a Unix socket all loops together have so many.
    public var backlog: Int32 = 1024
    /// Connections open at once, over all loops: at least 1. Beyond it accepting pauses, and peers wait in the backlog.
    public var maximumConnections = 100_000
    /// The bounds of each connection.
    public var limits = ConnectionLimits()
    /// The options of the listeners, which accepted sockets inherit.
    public var options = SocketOptions()
    /// After a stop, how long open connections may take to finish before they are closed. Zero or less: no time at all.
    public var drainTimeout: Duration = .seconds(10)
    /// Told what the code of a connection threw, with the address on the other side where it is known: an error of the
    /// body or of a method of the handler that is not an ordinary end of its peer. Nil: only the logger is told.
    ///
    /// Called on the connection's loop, before the connection is closed. It must not block: every other connection of the
    /// loop waits meanwhile.
    public var onError: ErrorReport?

    /// Told where the server listens, once all listeners stand; with port 0, which port that is. For servers that something
    /// else runs, such as a group of services; who calls `run` may pass `whenListening`, too.
    ///
    /// Called by the task that runs the server, which goes on when it returns. Connections are accepted meanwhile.
    public var onListening: (@Sendable (SocketAddress) -> Void)?

    #if Metrics
      /// What the server tells swift-metrics. Nil: nothing. With the package's trait `Metrics` only.
      public var metrics: MetricsReporting?
    #endif

    /// A configuration in which everything has its default.
    public init() {}
  }

  /// Takes an error of the code of one connection, and the address on the other side. See ``Configuration/onError``.
  public typealias ErrorReport = @Sendable (any Error, SocketAddress?) -> Void
}
