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
  /// Bytes copied while receive slots were scarce, so that small pieces do not pin whole slots: the only copies there are.
  public var bytesCopied: UInt64 = 0
  /// Times that receive slots became scarce.
  public var pressureEpisodes: UInt64 = 0
  /// Connections closed because they held memory that others waited for (`ConnectionLimits.holdTimeout`).
  public var connectionsEvicted: UInt64 = 0
  /// Connections given up by this side: idle, too slow to take what was queued, or holding memory. Evicted ones are among
  /// them.
  public var connectionsGivenUp: UInt64 = 0
  /// Zero-copy sends that took bytes.
  public var zeroCopySends: UInt64 = 0
  /// Those of them that the kernel reported as copied after all. The report comes with the notification, late.
  public var zeroCopyCopied: UInt64 = 0
  /// Zero-copy sends that the kernel refused; their bytes went out with plain ones.
  public var zeroCopyFallbacks: UInt64 = 0
  /// Datagrams received, cut ones and trains that the kernel joined (each as one) included. Their bytes are among
  /// `bytesReceived`.
  public var datagramsReceived: UInt64 = 0
  /// Datagrams that the kernel took, those of trains one by one. Their bytes are among `bytesSent`.
  public var datagramsSent: UInt64 = 0
  /// Datagrams that were longer than their socket allows (`DatagramOptions.largestDatagram`) and so lost their end.
  public var datagramsTruncated: UInt64 = 0
  /// Datagrams that had come and were dropped: by the kernel, because the socket's queue was full, as far as it has said
  /// so with a later one; or here, because the user of the socket held its share while slots were scarce.
  public var datagramsDropped: UInt64 = 0
  /// Sends that were refused, because their socket was closed or had as much with the kernel as it may.
  public var datagramsRefused: UInt64 = 0
  /// Times that a receive of datagrams found no slot and had to wait for one.
  public var datagramsStarved: UInt64 = 0
  /// Errors that sends met or that the network reported, such as ports that nobody listens on.
  public var datagramErrors: UInt64 = 0
  /// Bytes that are mapped for datagrams.
  public var datagramBytes: UInt64 = 0
  /// Handlers and connection tasks that threw.
  public var handlerErrors: UInt64 = 0
  /// Slots that the kernel may receive into now.
  public var slotsPosted: UInt64 = 0
  /// Receive slots that some view holds.
  public var slotsLocked: UInt64 = 0
  /// Receive slots that nobody holds, of those that are mapped.
  public var slotsFree: UInt64 = 0
  /// Bytes of copies that are held for connections or by their users.
  public var bytesHeld: UInt64 = 0
  /// Bytes that the pool has mapped: receive slots and copies.
  public var poolBytes: UInt64 = 0
  /// The most that it may map.
  public var poolLimit: UInt64 = 0
  /// Bytes that are mapped for buffers of programs, beside the pool.
  public var bufferBytes: UInt64 = 0
  /// Segments that were mapped, of either kind.
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
    left.pressureEpisodes += right.pressureEpisodes
    left.connectionsEvicted += right.connectionsEvicted
    left.connectionsGivenUp += right.connectionsGivenUp
    left.zeroCopySends += right.zeroCopySends
    left.zeroCopyCopied += right.zeroCopyCopied
    left.zeroCopyFallbacks += right.zeroCopyFallbacks
    left.datagramsReceived += right.datagramsReceived
    left.datagramsSent += right.datagramsSent
    left.datagramsTruncated += right.datagramsTruncated
    left.datagramsDropped += right.datagramsDropped
    left.datagramsRefused += right.datagramsRefused
    left.datagramsStarved += right.datagramsStarved
    left.datagramErrors += right.datagramErrors
    left.datagramBytes += right.datagramBytes
    left.handlerErrors += right.handlerErrors
    left.slotsPosted += right.slotsPosted
    left.slotsLocked += right.slotsLocked
    left.slotsFree += right.slotsFree
    left.bytesHeld += right.bytesHeld
    left.poolBytes += right.poolBytes
    left.bufferBytes += right.bufferBytes
    left.poolLimit += right.poolLimit
    left.growths += right.growths
  }
}

extension EventLoop {
  /// What this loop did and holds. Any thread; figures of a running loop need not fit together to the last one.
  public var statistics: LoopStatistics {
    let (slots, copies, buffers) = (memory.slots.statistics, memory.copies.statistics, memory.buffers.statistics)
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
    result.datagramsReceived = counters.datagramsReceived.current
    result.datagramsSent = counters.datagramsSent.current
    result.datagramsTruncated = counters.datagramsTruncated.current
    result.datagramsDropped = counters.datagramsDropped.current
    result.datagramsRefused = counters.datagramsRefused.current
    result.datagramsStarved = counters.datagramsStarved.current
    result.datagramErrors = counters.datagramErrors.current
    result.datagramBytes = UInt64(memory.datagrams.statistics.mappedBytes)
    result.handlerErrors = counters.handlerErrors.current
    result.pressureEpisodes = counters.pressureEpisodes.current
    result.connectionsEvicted = counters.connectionsEvicted.current
    result.connectionsGivenUp = counters.connectionsGivenUp.current
    result.slotsPosted = min(counters.postedSlots.current, UInt64(slots.slotsOut))
    result.slotsLocked = UInt64(slots.slotsOut) - result.slotsPosted
    result.slotsFree = UInt64(slots.slotsFree)
    result.bytesHeld = UInt64(memory.copies.accountState(0).total)
    result.poolBytes = UInt64(slots.mappedBytes + copies.mappedBytes)
    result.poolLimit = UInt64(slots.byteLimit + copies.byteLimit)
    result.bufferBytes = UInt64(buffers.mappedBytes)
    result.growths = UInt64(slots.growths + copies.growths + buffers.growths)
    return result
  }
}
