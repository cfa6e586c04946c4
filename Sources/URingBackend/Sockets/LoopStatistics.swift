internal import IOBuffers

/// What one loop did, and what it holds right now. Counters only grow; gauges are as of the loop's last turn.
public struct LoopStatistics: Sendable, Equatable {
  /// Turns of the loop; about one io_uring_enter(2) each.
  public var turns: UInt64 = 0
  /// Waits that ended while the loop spun, without a sleep. See `EventLoop.Configuration.spin`.
  public var spunWaits: UInt64 = 0
  /// Connections opened, accepted and connected ones.
  public var connectionsOpened: UInt64 = 0
  /// Connections closed.
  public var connectionsClosed: UInt64 = 0
  /// Connections open now.
  public var connectionsOpen: UInt64 { connectionsOpened &- min(connectionsClosed, connectionsOpened) }
  /// Receive completions that carried bytes.
  public var messages: UInt64 = 0
  /// Bytes received.
  public var bytesReceived: UInt64 = 0
  /// Bytes that the kernel reported as sent.
  public var bytesSent: UInt64 = 0
  /// Times that accepting paused: the connection limit, or no descriptors.
  public var acceptsPaused: UInt64 = 0
  /// Times that connections had to wait for slots because the pool was at its limit.
  public var starvedWaits: UInt64 = 0
  /// Bytes copied to free the slots that a long backlog of small views pinned: the only copies there are.
  public var bytesCopied: UInt64 = 0
  /// Zero-copy sends that took bytes.
  public var zeroCopySends: UInt64 = 0
  /// Those of them that the kernel reported as copied after all. The report comes with the notification, late.
  public var zeroCopyCopied: UInt64 = 0
  /// Zero-copy sends that the kernel refused; their bytes went out with plain ones.
  public var zeroCopyFallbacks: UInt64 = 0
  /// Handlers and connection tasks that threw.
  public var handlerErrors: UInt64 = 0
  /// Slots that the kernel may receive into now.
  public var slotsPosted: UInt64 = 0
  /// Slots that are lent out otherwise: some view or owner holds them.
  public var slotsLocked: UInt64 = 0
  /// Slots that nobody holds.
  public var slotsFree: UInt64 = 0
  /// Bytes that the pool has mapped.
  public var poolBytes: UInt64 = 0
  /// The most that it may map.
  public var poolLimit: UInt64 = 0
  /// Segments that the pool mapped.
  public var growths: UInt64 = 0

  /// All zero.
  public init() {}

  /// Adds another loop's figures.
  public static func += (left: inout LoopStatistics, right: LoopStatistics) {
    left.turns += right.turns
    left.spunWaits += right.spunWaits
    left.connectionsOpened += right.connectionsOpened
    left.connectionsClosed += right.connectionsClosed
    left.messages += right.messages
    left.bytesReceived += right.bytesReceived
    left.bytesSent += right.bytesSent
    left.acceptsPaused += right.acceptsPaused
    left.starvedWaits += right.starvedWaits
    left.bytesCopied += right.bytesCopied
    left.zeroCopySends += right.zeroCopySends
    left.zeroCopyCopied += right.zeroCopyCopied
    left.zeroCopyFallbacks += right.zeroCopyFallbacks
    left.handlerErrors += right.handlerErrors
    left.slotsPosted += right.slotsPosted
    left.slotsLocked += right.slotsLocked
    left.slotsFree += right.slotsFree
    left.poolBytes += right.poolBytes
    left.poolLimit += right.poolLimit
    left.growths += right.growths
  }
}

extension EventLoop {
  /// What this loop did and holds. Any thread; figures of a running loop need not fit together to the last one.
  public var statistics: LoopStatistics {
    let pool = arena.statistics
    var result = LoopStatistics()
    result.turns = counters.turns.current
    result.spunWaits = counters.spunWaits.current
    result.connectionsClosed = counters.connectionsClosed.current
    result.connectionsOpened = counters.connectionsOpened.current
    result.messages = counters.messagesReceived.current
    result.bytesReceived = counters.bytesReceived.current
    result.bytesSent = counters.bytesSent.current
    result.acceptsPaused = counters.acceptsPaused.current
    result.starvedWaits = counters.starvedWaits.current
    result.bytesCopied = counters.bytesCopiedOut.current
    result.zeroCopySends = counters.zeroCopySends.current
    result.zeroCopyCopied = counters.zeroCopyCopied.current
    result.zeroCopyFallbacks = counters.zeroCopyFallbacks.current
    result.handlerErrors = counters.handlerErrors.current
    result.slotsPosted = min(counters.postedSlots.current, UInt64(pool.slotsOut))
    result.slotsLocked = UInt64(pool.slotsOut) - result.slotsPosted
    result.slotsFree = UInt64(pool.slotsFree)
    result.poolBytes = UInt64(pool.mappedBytes)
    result.poolLimit = UInt64(pool.byteLimit)
    result.growths = UInt64(pool.growths)
    return result
  }
}
