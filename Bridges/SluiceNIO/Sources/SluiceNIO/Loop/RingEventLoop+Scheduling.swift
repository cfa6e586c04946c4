public import NIOCore
@_spi(Bridging) internal import URingBackend

extension RingEventLoop {
  /// Runs `task` at its time, on the loop; tasks of one instant in the order in which they were scheduled. When the loop ends first
  /// its future fails with `EventLoopError.shutdown`, and after a cancellation with `EventLoopError.cancelled`.
  @discardableResult
  public func scheduleTask<T>(
    deadline: NIODeadline,
    _ task: @escaping @Sendable () throws -> T
  ) -> Scheduled<T> {
    schedule(at: deadline, task)
  }

  /// The same, so much later than now.
  @discardableResult
  public func scheduleTask<T>(in delay: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
    schedule(at: .now() + delay, task)
  }

  /// The same, for whoever is on the loop.
  @discardableResult
  public func _scheduleTaskIsolatedUnsafeUnchecked<T>(
    deadline: NIODeadline,
    _ task: @escaping () throws -> T
  ) -> Scheduled<T> {
    preconditionInEventLoop()
    return schedule(at: deadline, task)
  }

  /// The same, for whoever is on the loop.
  @discardableResult
  public func _scheduleTaskIsolatedUnsafeUnchecked<T>(
    in delay: TimeAmount,
    _ task: @escaping () throws -> T
  ) -> Scheduled<T> {
    preconditionInEventLoop()
    return schedule(at: .now() + delay, task)
  }

  private func schedule<T>(at deadline: NIODeadline, _ task: @escaping () throws -> T) -> Scheduled<T> {
    let promise = makePromise(of: T.self)
    let name = nextName()
    // Run on the loop, where the promise is at home.
    arm(
      .task(
        run: {
          do {
            promise.assumeIsolatedUnsafeUnchecked().succeed(try task())
          } catch {
            promise.fail(error)
          }
        },
        fail: { promise.fail($0) }
      ),
      name,
      at: deadline
    )
    return Scheduled(promise: promise) {
      // The promise has failed by now; the timer goes when the loop comes to it.
      self.perform { _ = self.tenant.unschedule(name) }
    }
  }

  /// Calls `handler` at its time, on the loop: or its `didCancelScheduledCallback`, when it is cancelled or the loop ends.
  @discardableResult
  public func scheduleCallback(
    at deadline: NIODeadline,
    handler: some (NIOScheduledCallbackHandler & Sendable)
  ) throws -> NIOScheduledCallback {
    scheduleCallback(handler, at: deadline)
  }

  /// The same, so much later than now.
  @discardableResult
  public func scheduleCallback(
    in amount: TimeAmount,
    handler: some (NIOScheduledCallbackHandler & Sendable)
  ) throws -> NIOScheduledCallback {
    scheduleCallback(handler, at: .now() + amount)
  }

  /// The same, for whoever is on the loop.
  @discardableResult
  public func _scheduleCallbackIsolatedUnsafeUnchecked(
    at deadline: NIODeadline,
    handler: some NIOScheduledCallbackHandler
  ) throws -> NIOScheduledCallback {
    preconditionInEventLoop()
    return scheduleCallback(handler, at: deadline)
  }

  /// The same, for whoever is on the loop.
  @discardableResult
  public func _scheduleCallbackIsolatedUnsafeUnchecked(
    in amount: TimeAmount,
    handler: some NIOScheduledCallbackHandler
  ) throws -> NIOScheduledCallback {
    preconditionInEventLoop()
    return scheduleCallback(handler, at: .now() + amount)
  }

  private func scheduleCallback(_ handler: some NIOScheduledCallbackHandler, at deadline: NIODeadline)
    -> NIOScheduledCallback
  {
    let name = nextName()
    arm(.callback(handler), name, at: deadline)
    return NIOScheduledCallback(self, id: name)
  }

  /// Takes a callback back. Its handler is told, on the loop; once that has happened, or it was called, this does nothing.
  public func cancelScheduledCallback(_ scheduledCallback: NIOScheduledCallback) {
    guard let name = scheduledCallback.customCallbackID else { return }
    perform { self.tenant.unschedule(name)?.cancel(on: self, .cancelled) }
  }

  private func arm(_ work: ScheduledWork, _ name: UInt64, at deadline: NIODeadline) {
    if inEventLoop {
      if !tenant.schedule(work, name: name, at: deadline) { work.cancel(on: self, .shutdown) }
    } else {
      // Only those come from elsewhere whose work is Sendable.
      nonisolated(unsafe) let work = work
      sluice.handOver {
        if !self.tenant.schedule(unsafe work, name: name, at: deadline) { unsafe work.cancel(on: self, .shutdown) }
      }
    }
  }
}
