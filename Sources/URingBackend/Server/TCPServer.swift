public import Logging
internal import IOBuffers

/// A TCP server: listeners on a group of loops, and what runs for each connection.
///
/// `run` serves until the server is told to stop, by `shutdown()` or by cancelling the task that called it. Then it
/// stops accepting, lets the open connections finish until the drain deadline, closes the rest, and returns. A server
/// runs once: to serve again, make another one.
public final class TCPServer: Sendable {
  /// Where the server listens. With port 0 the kernel chooses; `run` reports which.
  public let address: SocketAddress
  /// How it is set up.
  public let configuration: Configuration

  let group: LoopGroup?
  let logger: Logger?
  let stop = ShutdownSignal()
  let hurry = ShutdownSignal()
  let running = Guarded<[EventLoop]>([])

  /// - Parameters:
  ///   - address: where to listen.
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

  /// Begins the graceful stop; `run` returns when it is complete. Any thread, never blocks, harmless when repeated.
  public func shutdown() {
    stop.set()
  }

  /// Begins the stop, and does not wait for open connections: they are closed at once. Any thread, never blocks.
  public func abort() {
    stop.set()
    hurry.set()
  }

  /// What the loops of the running server did and hold, summed up. All zero when it does not run.
  public var statistics: LoopStatistics {
    running.withLock { $0 }.reduce(into: LoopStatistics()) { $0 += $1.statistics }
  }
}
