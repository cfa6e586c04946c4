/// What a connection of a server or client starts with, in the units of the machine.
struct ConnectionSettings: Sendable {
  /// In nanoseconds.
  struct Timeouts: Sendable {
    /// Zero: none.
    var idle: UInt64 = 0
    var flush: UInt64 = 0
    var linger: UInt64 = 0
    /// How long a connection may hold memory that others wait for.
    var hold: UInt64 = 0
  }

  var limits: ConnectionMachine.Limits
  var timeouts: Timeouts

  init(_ limits: ConnectionLimits, isHandled: Bool) {
    self.limits = ConnectionMachine.Limits(
      readCredit: UInt32(clamping: max(1, limits.unreadBytes)),
      highWater: UInt32(clamping: max(0, limits.highWaterBytes)),
      lowWater: UInt32(clamping: max(0, min(limits.lowWaterBytes, limits.highWaterBytes))),
      isHandled: isHandled
    )
    timeouts = Timeouts(
      idle: limits.idleTimeout.map { LoopClock.deadline(after: $0, from: 0) } ?? 0,
      flush: LoopClock.deadline(after: limits.flushTimeout, from: 0),
      linger: LoopClock.deadline(after: limits.lingerTimeout, from: 0),
      hold: LoopClock.deadline(after: limits.holdTimeout, from: 0)
    )
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
  /// none. Five minutes unless told; nil: never. While bytes are on their way to a peer that does not take them it may
  /// take up to twice as long, because the kernel is asked for progress only once a period.
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
