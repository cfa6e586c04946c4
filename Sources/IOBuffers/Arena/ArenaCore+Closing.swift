/// The end of an arena.
extension ArenaCore {
  /// Refuses new loans. More than once is harmless.
  func close() {
    withState { state, wakeups in
      if !state.isClosed { wakeups += state.close() }
    }
  }

  /// Suspends until every slot is home, the deadline is over or the task is cancelled.
  func waitUntilComplete(_ deadline: ContinuousClock.Instant) async {
    let waiter = CloseWaiter()
    let alarm = Task {
      try? await Task.sleep(until: deadline, clock: .continuous)
      giveUp(waiter)
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        withState { state, wakeups in
          if waiter.isOver || state.slotsOut == 0 {
            wakeups.append(.close(continuation))
          } else {
            waiter.continuation = continuation
            state.closeWaiters.append(waiter)
          }
        }
      }
    } onCancel: {
      giveUp(waiter)
    }
    alarm.cancel()
  }

  private func giveUp(_ waiter: CloseWaiter) {
    withState { state, wakeups in
      waiter.isOver = true
      guard let place = state.closeWaiters.firstIndex(where: { $0 === waiter }) else { return }
      state.closeWaiters.remove(at: place)
      if let continuation = waiter.continuation { wakeups.append(.close(continuation)) }
    }
  }
}
