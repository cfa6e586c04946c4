/// What a connection of a server or client starts with, in the units of the machine.
struct ConnectionSettings: Sendable {
  /// Kept for each connection, so in milliseconds, rounded up: seven weeks fit into half of what nanoseconds take.
  struct Timeouts: Sendable {
    private var milliseconds: (idle: UInt32, flush: UInt32, linger: UInt32, hold: UInt32) = (0, 0, 0, 0)

    init() {}

    init(_ limits: ConnectionLimits) {
      milliseconds = (
        idle: limits.idleTimeout.map(Timeouts.inMilliseconds) ?? 0,
        flush: Timeouts.inMilliseconds(limits.flushTimeout),
        linger: Timeouts.inMilliseconds(limits.lingerTimeout),
        hold: Timeouts.inMilliseconds(limits.holdTimeout)
      )
    }

    /// In nanoseconds, as the others. Zero: none.
    var idle: UInt64 { UInt64(milliseconds.idle) * 1_000_000 }
    var flush: UInt64 { UInt64(milliseconds.flush) * 1_000_000 }
    var linger: UInt64 { UInt64(milliseconds.linger) * 1_000_000 }
    /// How long a connection may hold memory that others wait for.
    var hold: UInt64 { UInt64(milliseconds.hold) * 1_000_000 }

    private static func inMilliseconds(_ duration: Duration) -> UInt32 {
      let nanoseconds = LoopClock.deadline(after: duration, from: 0)
      return UInt32(clamping: nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 > 0 ? 1 : 0))
    }
  }

  var limits: ConnectionMachine.Limits
  var timeouts: Timeouts
  /// How many descriptors of the peer's may wait to be taken, on a Unix socket.
  var receivedDescriptors = 0

  init(_ limits: ConnectionLimits, isHandled: Bool, _ options: SocketOptions = SocketOptions()) {
    receivedDescriptors = max(0, options.receivedDescriptors)
    self.limits = ConnectionMachine.Limits(
      readCredit: UInt32(clamping: max(1, limits.unreadBytes)),
      highWater: UInt32(clamping: max(0, limits.highWaterBytes)),
      lowWater: UInt32(clamping: max(0, min(limits.lowWaterBytes, limits.highWaterBytes))),
      isHandled: isHandled
    )
    timeouts = Timeouts(limits)
  }
}

extension ConnectionMachine.Limits {
  /// No larger than the pool of the connection's loop has room for.
  func fitting(_ plan: MemoryPlan) -> Self {
    let most = UInt32(clamping: plan.largestMark)
    var fitting = self
    fitting.readCredit = min(readCredit, most)
    fitting.highWater = min(highWater, most)
    fitting.lowWater = min(lowWater, fitting.highWater < highWater ? fitting.highWater / 4 : lowWater)
    return fitting
  }
}

/// The bounds of one connection. Each has a default; none can be switched off, except the idle timeout.
///
/// Marks count as at most an eighth of the receive slots of the loop's pool (`EventLoop.Configuration.poolBytes`); while
/// those are scarce they shrink further, for whoever holds something.
public struct ConnectionLimits: Sendable, Equatable {
  /// Bytes that may be received and not yet taken before reading pauses. The kernel may overshoot by one slot.
  public var unreadBytes = 256 << 10
  /// Unsent bytes above which `send` suspends its task, and a handler's connection stops reading.
  public var highWaterBytes = 256 << 10
  /// Unsent bytes at which they go on.
  public var lowWaterBytes = 64 << 10
  /// A connection on which no byte moved for this long is closed: none was received, none sent, and the peer acknowledged
  /// none. Five minutes unless told; nil, zero or less: never. While bytes are on their way to a peer that does not take
  /// them it may take up to twice as long, because the kernel is asked for progress only once a period.
  public var idleTimeout: Duration? = .seconds(300)
  /// How long the peer may take to end its side before the descriptor is closed. The time runs from when it has acknowledged
  /// the last byte and the FIN; it may take up to twice as long.
  public var lingerTimeout: Duration = .seconds(1)
  /// After `close()`, how long the connection may go without progress, by bytes that the peer acknowledges, before it is
  /// given up with a reset.
  public var flushTimeout: Duration = .seconds(30)
  /// While receive slots are scarce: how long user code may keep views of a connection that hold its whole share, before the
  /// connection is closed with an error of kind `.holdsMemory`.
  public var holdTimeout: Duration = .seconds(10)

  /// Limits in which everything has its default.
  public init() {}
}
