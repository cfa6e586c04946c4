/// What another event system keeps on a loop of this package, so that its tasks, timers and channels run on the loop's thread.
///
/// A loop has one at most (`EventLoop.attach`). Not part of the stable interface: `@_spi(Bridging)`, for packages that are
/// released together with this one. All methods run on the loop's thread.
@_spi(Bridging)
open class LoopTenant: @unchecked Sendable {
  // Why unchecked: references travel in closures that hop to the loop; every method runs there.

  /// A tenant that `EventLoop.attach` gives to a loop.
  public init() {}

  /// Runs what became due since the last turn. Called once in each turn of the loop, before what connections have to send is
  /// submitted. Must be bounded: completions wait meanwhile.
  open func turn() {}

  /// Whether something waits for `turn`, so that the loop must not sleep.
  open var hasWork: Bool { false }

  /// A timer has come due that was armed with this token.
  open func timerFired(_ token: UInt64) {}

  /// The loop begins to end: connections are being given up, and listeners stop.
  open func stopping() {}

  /// Whether the loop may end. Asked in each turn once it is to end.
  open var isIdle: Bool { true }

  /// The loop ends. Nothing is open, and no timer fires any more.
  open func ended() {}
}

@_spi(Bridging)
extension EventLoop {
  /// Gives the loop its tenant. Loop thread only, and once.
  public func attach(_ tenant: LoopTenant) {
    precondition(isCurrent && self.tenant == nil, "a loop is given one tenant, on its own thread")
    self.tenant = tenant
  }

  /// Runs `body` on the loop's thread in its next turn, also when the caller is there. Any thread; the bodies of one thread run
  /// in the order in which they were handed over. After the loop's end they run on some other thread, one at a time.
  public func handOver(_ body: @escaping @Sendable () -> Void) { submit(.closure(body)) }

  /// Whether the loop has ended. Any thread.
  public var isOver: Bool { hasEnded }

  /// Arms a timer of the tenant, for a time in nanoseconds of CLOCK_MONOTONIC. Those of one instant fire in the order in which they
  /// were armed. Loop thread only. O(log n).
  ///
  /// - Returns: its name, for `cancelTimer`.
  public func armTimer(at deadline: UInt64, token: UInt64) -> UInt64 {
    let handle = timers.arm(deadline, .tenant(token))
    return UInt64(handle.index) << 32 | UInt64(handle.generation)
  }

  /// Disarms a timer of the tenant. Loop thread only. O(1).
  ///
  /// - Returns: false when it has fired, or was cancelled before.
  @discardableResult
  public func cancelTimer(_ name: UInt64) -> Bool {
    let handle = TimerQueue<LoopTimer>.Handle(
      index: UInt32(truncatingIfNeeded: name >> 32),
      generation: UInt32(truncatingIfNeeded: name)
    )
    return timers.cancel(handle) != nil
  }
}
