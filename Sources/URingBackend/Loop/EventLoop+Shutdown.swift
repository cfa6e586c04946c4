internal import IOBuffers
internal import Logging

/// Who waits for a loop's end.
@safe
struct EndWaiters {
  // Each continuation is resumed once: by whoever empties the list, or by its own call where that comes too late.
  var waiting: [UnsafeContinuation<Void, Never>] = unsafe []
  var isOver = false
}

extension EventLoop {
  /// Ends the loop: open connections are aborted, timers cancelled, jobs that are ready run, then the ring closes
  /// and the thread exits. Returns when that is done. Any number of calls wait for the same end, and one that comes
  /// later returns at once.
  ///
  /// Any task may call it, one that runs on this loop too. Such a task goes on afterwards, as all work does that comes
  /// after the end: on some other thread.
  public func shutdown() async {
    // Resumed once: under the lock it goes either onto the list or to the call below.
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      let isOver = endWaiters.withLock { state in
        if !state.isOver { unsafe state.waiting.append(continuation) }
        return state.isOver
      }
      if isOver {
        unsafe continuation.resume()
      } else {
        // Not `execute`: on the loop itself the end begins with the next turn, not in the middle of this one.
        submit(.closure { self.beginStop() })
      }
    }
  }

  private func beginStop() {
    guard !stopping else { return }
    stopping = true
    client.stop()
    for guest in guests { guest.stop() }
    tenant?.stopping()
  }

  /// The end of the thread. Nothing is open any more; only the wake-up read is still with the kernel.
  func finish() {
    cancelAllSleepers()
    takeBackWakeUp()
    client.finish()
    for guest in guests { guest.finish() }
    tenant?.ended()
    tenant = nil
    memory.close()
    // The clients hold the loop; the loop need not hold them any longer.
    client = LoopClient()
    guests = []
    ring.close()
    // From here on there is nothing that such a closure could come into the middle of.
    DeferredReleases.end()
    serialExecutor.end {
      // Taken off the list by this, so nobody else resumes them; `isOver` keeps the list empty.
      let waiters = unsafe endWaiters.withLock { state in
        state.isOver = true
        defer { unsafe state.waiting = [] }
        return unsafe state.waiting
      }
      unsafe waiters.forEach { unsafe $0.resume() }
    }
  }

  /// Closing a ring cancels what is in flight only later, on a kernel thread: the read must have come back before its
  /// memory goes. A signal of our own completes it.
  private func takeBackWakeUp() {
    guard isWakeUpArmed else { return }
    serialExecutor.wakeUp.signal()
    while true {
      while let completion = ring.nextCompletion() {
        if OperationID(rawValue: completion.userData).kindByte == OperationKind.wake.rawValue { return }
      }
      do {
        try ring.enter(waitFor: 1, timeoutNanoseconds: nil)
      } catch {
        logger?.critical("io_uring_enter failed", metadata: ["loop": "\(index)", "error": "\(error)"])
        // Whether the kernel still writes there is unknown: the memory is never freed. A reference that nobody gives back.
        _ = unsafe Unmanaged.passRetained(serialExecutor.wakeUp)
        return
      }
    }
  }
}
