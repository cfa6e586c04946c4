internal import Synchronization

/// Counters that one loop writes and any thread may read.
final class LoopCounters: Sendable {
  let turns = Atomic<UInt64>(0)
  let spunWaits = Atomic<UInt64>(0)
  let messagesReceived = Atomic<UInt64>(0)
  let bytesReceived = Atomic<UInt64>(0)
  let bytesSent = Atomic<UInt64>(0)
  let connectionsOpened = Atomic<UInt64>(0)
  let connectionsClosed = Atomic<UInt64>(0)
  let acceptsPaused = Atomic<UInt64>(0)
  let starvedWaits = Atomic<UInt64>(0)
  let bytesCopiedOut = Atomic<UInt64>(0)
  /// Now, not so far.
  let postedSlots = Atomic<UInt64>(0)
  let handlerErrors = Atomic<UInt64>(0)
  let pressureEpisodes = Atomic<UInt64>(0)
  let connectionsEvicted = Atomic<UInt64>(0)
  let connectionsGivenUp = Atomic<UInt64>(0)
  let zeroCopySends = Atomic<UInt64>(0)
  let zeroCopyCopied = Atomic<UInt64>(0)
  let zeroCopyFallbacks = Atomic<UInt64>(0)
  let datagramsReceived = Atomic<UInt64>(0)
  let datagramsSent = Atomic<UInt64>(0)
  let datagramsTruncated = Atomic<UInt64>(0)
  let datagramsDropped = Atomic<UInt64>(0)
  let datagramsRefused = Atomic<UInt64>(0)
  let datagramsStarved = Atomic<UInt64>(0)
  let datagramErrors = Atomic<UInt64>(0)
}

extension Atomic<UInt64> {
  /// Adds on the one thread that writes: a load and a store do; a locked instruction would cost more than the work it
  /// counts.
  @inline(__always)
  borrowing func bump(by amount: UInt64 = 1) {
    store(load(ordering: .relaxed) &+ amount, ordering: .relaxed)
  }

  /// Sets a gauge on the one thread that writes.
  @inline(__always)
  borrowing func set(_ value: UInt64) {
    store(value, ordering: .relaxed)
  }

  var current: UInt64 { borrowing get { load(ordering: .relaxed) } }
}
