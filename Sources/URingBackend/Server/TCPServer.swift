public import Logging
internal import IOBuffers

/// A TCP server: listeners on a group of loops, and what runs for each connection. It may listen on Unix sockets as well.
///
/// `run` serves until the server is told to stop, or until its loops end. `shutdown()` stops it gracefully: it accepts no more,
/// lets the open connections finish until the drain deadline, closes the rest, and `run` returns. `abort()`, and cancelling the
/// task that called `run`, close all connections at once. A server runs once: to serve again, make another one.
///
/// What runs for connections are child tasks of `run`: they see the task-locals of whoever called it, are cancelled with it, and
/// have ended when it returns.
public final class TCPServer: Sendable {
  /// Where the server listens. With port 0 the kernel chooses; `run` reports which. On `::` a server serves IPv4 as well:
  /// see ``SocketOptions/ipv6Only``. The first of ``addresses``.
  public let address: SocketAddress
  /// All addresses where the server listens. Either all of them can be had, or `run` throws and listens on none.
  public let addresses: [SocketAddress]
  /// How it is set up.
  public let configuration: Configuration

  let group: LoopGroup?
  let logger: Logger?
  let stop = ShutdownSignal()
  let hurry = ShutdownSignal()
  let life = Guarded(Life.new)

  /// How far a server has come in its one life.
  enum Life: Sendable {
    /// It has not listened yet.
    case new
    /// `run` was called, and loops and listeners come into being.
    case starting
    case serving(Running)
    case over
  }

  /// - Parameters:
  ///   - address: where to listen: an address of the internet, or the name of a Unix socket.
  ///   - configuration: sizes and bounds; the defaults work.
  ///   - group: loops to run on, which stay the caller's. Nil: `run` starts its own and ends them.
  ///   - logger: where the server reports what nobody else can be told. Nil: nowhere.
  public convenience init(
    address: SocketAddress,
    configuration: Configuration = Configuration(),
    group: LoopGroup? = nil,
    logger: Logger? = nil
  ) {
    self.init(addresses: [address], configuration: configuration, group: group, logger: logger)
  }

  /// A server with several addresses. Connections of all of them are served alike, and count towards the same limits.
  ///
  /// - Parameters:
  ///   - addresses: where to listen; TCP and Unix sockets may stand side by side. Without any, `run` throws `.invalidAddress`.
  ///   - configuration: sizes and bounds; the defaults work.
  ///   - group: loops to run on, which stay the caller's. Nil: `run` starts its own and ends them.
  ///   - logger: where the server reports what nobody else can be told. Nil: nowhere.
  public init(
    addresses: [SocketAddress],
    configuration: Configuration = Configuration(),
    group: LoopGroup? = nil,
    logger: Logger? = nil
  ) {
    self.addresses = addresses
    address = addresses.first ?? .any(port: 0)
    self.configuration = configuration
    self.group = group
    self.logger = logger
  }

  /// Begins the graceful stop; `run` returns when it is complete. Any thread, never blocks, harmless when repeated.
  ///
  /// Before `run` it keeps the server from listening: `run` then returns at once.
  public func shutdown() {
    stop.set()
  }

  /// Begins the stop, and does not wait for open connections: they are closed at once. Any thread, never blocks, harmless
  /// when repeated, also after `shutdown()`.
  public func abort() {
    stop.set()
    hurry.set()
  }

  /// What the server did and holds, while it serves; all zero before and after. Any thread.
  ///
  /// `connectionsOpened`, `connectionsClosed` and `connectionsOpen` are this server's own. Everything else is what its
  /// loops did since the server began to listen, and hold now: on loops of its own that is the server and whatever its
  /// code does there, such as connections that it opens. On a ``LoopGroup`` it is whatever else runs on those loops too:
  /// counting messages and bytes for each server would cost something for each message.
  public var statistics: LoopStatistics {
    guard case .serving(let running) = life.withLock({ $0 }) else { return LoopStatistics() }
    return running.statistics
  }
}
