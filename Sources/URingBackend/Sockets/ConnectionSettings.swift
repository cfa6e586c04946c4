/// What a connection of a server or client starts with, in the units of the machine.
struct ConnectionSettings: Sendable {
  /// In nanoseconds.
  struct Timeouts: Sendable {
    /// Zero: none.
    var idle: UInt64 = 0
    var flush: UInt64 = 0
    var linger: UInt64 = 0
  }

  var limits: ConnectionMachine.Limits
  var timeouts: Timeouts

  init(_ limits: ConnectionLimits, outputPausesInput: Bool) {
    self.limits = ConnectionMachine.Limits(
      readCredit: UInt32(clamping: max(1, limits.unreadBytes)),
      highWater: UInt32(clamping: max(0, limits.highWaterBytes)),
      lowWater: UInt32(clamping: max(0, min(limits.lowWaterBytes, limits.highWaterBytes))),
      outputPausesInput: outputPausesInput
    )
    timeouts = Timeouts(
      idle: limits.idleTimeout.map { LoopClock.deadline(after: $0, from: 0) } ?? 0,
      flush: LoopClock.deadline(after: limits.flushTimeout, from: 0),
      linger: LoopClock.deadline(after: limits.lingerTimeout, from: 0)
    )
  }
}

/// The bounds of one connection. Each has a default; none can be switched off, except the idle timeout.
public struct ConnectionLimits: Sendable, Equatable {
  /// Bytes that may be received and not yet taken before reading pauses. The kernel may overshoot by one slot.
  public var unreadBytes = 256 << 10
  /// Unsent bytes above which `send` suspends its task, and a handler's connection stops reading.
  public var highWaterBytes = 256 << 10
  /// Unsent bytes at which they go on.
  public var lowWaterBytes = 64 << 10
  /// A connection on which no byte moved for this long is closed. Nil: never.
  public var idleTimeout: Duration?
  /// After the last byte and the FIN, how long the peer may take to end its side before the descriptor is closed.
  public var lingerTimeout: Duration = .seconds(1)
  /// How long `close()` may take to send what is queued before the connection is aborted.
  public var flushTimeout: Duration = .seconds(30)

  /// Limits in which everything has its default.
  public init() {}
}
