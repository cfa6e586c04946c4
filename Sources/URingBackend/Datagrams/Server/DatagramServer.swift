public import Logging
internal import IOBuffers

/// A server for datagrams: on each loop of a group a socket of its own, all at one address, over which the kernel spreads the
/// senders (SO_REUSEPORT of socket(7)). A Unix socket has one name and one socket, on the first loop.
///
/// `run` serves until the server is told to stop, or until its loops end. `shutdown()` closes the sockets, and `run` returns when
/// what serves them has ended. Cancelling the task that called `run` does the same, and cancels it as well. A server runs
/// once: to serve again, make another one.
///
/// ```swift
/// let server = DatagramServer(address: .any(port: 53))
/// try await server.run { Echo() }
/// ```
public final class DatagramServer: Sendable {
  /// Where the server's sockets are bound. With port 0 the kernel chooses; `run` reports which.
  public let address: SocketAddress
  /// How it is set up.
  public let configuration: Configuration

  let group: LoopGroup?
  let logger: Logger?
  let stop = ShutdownSignal()
  let hasRun = Guarded(false)

  /// How a server is set up. Every value has a default that works.
  public struct Configuration: Sendable {
    /// How many loops, with a thread and a socket each, when the server makes its own. From 1 to 1024, see ``LoopGroup``.
    public var loops = 1
    /// Pins loop number i to processor i.
    public var pinned = false
    /// What each of the server's own loops is given.
    public var loop = EventLoop.Configuration()
    /// The options and bounds of each socket.
    public var options = DatagramOptions()

    /// A configuration in which everything has its default.
    public init() {}
  }

  /// `run` was called on a server that runs or has run.
  public struct RunError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What happened and what to do about it.
    public var description: String { "a server runs once; make another DatagramServer to serve again" }
  }

  /// - Parameters:
  ///   - address: where to bind.
  ///   - configuration: sizes and bounds; the defaults work.
  ///   - group: loops to run on, which stay the caller's. Nil: `run` starts its own and ends them.
  ///   - logger: where the server reports what nobody else can be told. Nil: nowhere.
  public init(
    address: SocketAddress,
    configuration: Configuration = Configuration(),
    group: LoopGroup? = nil,
    logger: Logger? = nil
  ) {
    self.address = address
    self.configuration = configuration
    self.group = group
    self.logger = logger
  }

  /// Closes the sockets; `run` returns when what serves them has ended. Any thread, never blocks, harmless when repeated.
  ///
  /// Before `run` it keeps the server from binding: `run` then returns at once.
  public func shutdown() {
    stop.set()
  }
}
