import URingBackend

extension LoadDriver {
  /// Where a run stands, for the progress line and for the patience.
  struct Pulse: Sendable {
    var messages: UInt64 = 0
    var bytes: UInt64 = 0
    var open = 0
    var errors = 0
    var hasGivenUp = false
    var isBusy = false
    var progress: UInt64 = 0
  }

  /// What came of a run or phase on one loop.
  struct Outcome: Sendable {
    var tally: Tally
    var errors: ErrorCounts
    var firstError: LoadError?
    var hasGivenUp: Bool
  }

  /// What was counted so far. Any task; hops to the loop.
  nonisolated func outcome() async -> Outcome {
    await onLoop {
      Outcome(tally: $0.tally, errors: $0.errors, firstError: $0.firstError, hasGivenUp: $0.hasGivenUp)
    }
  }

  /// How the run stands. Any task; hops to the loop.
  nonisolated func pulse() async -> Pulse {
    await onLoop { driver in
      if driver.isBusy, !driver.hasGivenUp, let error = driver.overdue(at: MonotonicClock.now()) {
        driver.fail(error)
        driver.giveUp()
      }
      return Pulse(
        messages: driver.tally.messages,
        bytes: driver.tally.bytes,
        open: driver.openCount,
        errors: driver.errors.total,
        hasGivenUp: driver.hasGivenUp,
        isBusy: driver.isBusy,
        progress: driver.progress
      )
    }
  }

  /// Nothing moved for too long: the run ends with an error. Any task.
  nonisolated func stall() async {
    await onLoop { driver in
      guard driver.isBusy, !driver.hasGivenUp else { return }
      driver.fail(
        LoadError(
          .noProgress,
          "no progress for \(driver.plan.patience.text(1)) s: \(driver.whatIsAwaited)"
        )
      )
      driver.giveUp()
    }
  }

  /// Another loop failed: this one ends too. Any task.
  nonisolated func abandon() async {
    await onLoop { $0.giveUp() }
  }

  private nonisolated func onLoop<Result: Sendable>(
    _ body: @escaping @Sendable (LoadDriver) -> Result
  ) async -> Result {
    await withCheckedContinuation { continuation in
      loop.execute { continuation.resume(returning: body(self)) }
    }
  }
}
