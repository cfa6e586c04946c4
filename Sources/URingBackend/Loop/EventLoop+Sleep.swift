internal import Synchronization

/// What a timer of the loop does when its time comes.
enum LoopTimer {
  /// Tells the loop's client; the token is its own.
  case client(UInt64)
  /// Resumes a task.
  case sleeper(Sleeper)
  /// Runs a closure on the loop.
  case notice(() -> Void)
  /// Tells the tenant; the token is its own.
  case tenant(UInt64)
}

/// One task that sleeps on a loop.
@safe
final class Sleeper: @unchecked Sendable {
  // Why unchecked: the variables belong to the loop's thread, or to who runs in its place; `cancelled` is atomic.
  let cancelled = Atomic<Bool>(false)
  var continuation: UnsafeContinuation<Bool, Never>?
  var handle: TimerQueue<LoopTimer>.Handle?

  /// Resumes the task once; true means that the time has come.
  func wake(cancelled: Bool) {
    handle = nil
    // Taken out before it is resumed, so that the timer and the cancellation resume it once between them.
    let waiting = unsafe continuation
    unsafe continuation = nil
    unsafe waiting?.resume(returning: !cancelled)
  }
}

extension EventLoop {
  /// Suspends the calling task for at least `duration`, measured by CLOCK_MONOTONIC on this loop.
  ///
  /// Any thread. A task that prefers this loop resumes on it without a hop.
  ///
  /// - Throws: `CancellationError` when the task is cancelled first, or the loop ends first; on one that has ended at once,
  ///   so that nobody waits for a clock that no longer runs. Do not try again and again then.
  public func sleep(for duration: Duration) async throws(CancellationError) {
    let deadline = clock.deadline(after: duration)
    let sleeper = Sleeper()
    let completed = await withTaskCancellationHandler {
      // `park` resumes it at once or leaves it with the sleeper, which `wake` empties; the loop's end wakes all.
      unsafe await withUnsafeContinuation { continuation in
        execute { unsafe self.park(sleeper, continuation, until: deadline) }
      }
    } onCancel: {
      sleeper.cancelled.store(true, ordering: .releasing)
      execute { self.cancel(sleeper) }
    }
    guard completed else { throw CancellationError() }
  }

  private func park(_ sleeper: Sleeper, _ continuation: UnsafeContinuation<Bool, Never>, until deadline: UInt64) {
    guard !sleeper.cancelled.load(ordering: .acquiring), !hasEnded, !stopping else {
      unsafe continuation.resume(returning: false)
      return
    }
    unsafe sleeper.continuation = continuation
    sleeper.handle = timers.arm(deadline, .sleeper(sleeper))
  }

  private func cancel(_ sleeper: Sleeper) {
    if let handle = sleeper.handle, timers.cancel(handle) != nil {
      sleeper.wake(cancelled: true)
    }
  }

  /// The loop ends: nobody may be left waiting for it.
  func cancelAllSleepers() {
    for timer in timers.removeAll() {
      if case .sleeper(let sleeper) = timer { sleeper.wake(cancelled: true) }
    }
  }
}
