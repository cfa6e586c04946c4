internal import Glibc
internal import IOBuffers
internal import Logging
internal import Synchronization

extension EventLoop {
  /// The thread's body: turn after turn until the loop is told to stop and nothing is open.
  ///
  /// One turn: run jobs (with a budget), let the client flush what was queued, one `enter` (submit all, wait for one,
  /// until the next timer), reap every completion, fire timers, run what owners of foreign memory want done when it is
  /// free. One system call a turn, however much moved.
  func run() {
    begin()
    isWakeUpArmed = serialExecutor.wakeUp.arm(on: ring)
    while turn() {}
    finish()
  }

  /// What comes before the first turn. Those closures are somebody else's code: they may ask for anything, and so never
  /// run in the middle of a turn.
  func begin() {
    DeferredReleases.begin()
  }

  /// One turn. False: the loop was told to stop, and nothing is open.
  func turn() -> Bool {
    takeForeignWork()
    runJobs()
    if let tenant { tenant.turn() }
    var more = client.prepare()
    if !guests.isEmpty, prepareGuests() { more = true }
    if let tenant, tenant.hasWork { more = true }
    if stopping, areClientsIdle, jobs.isEmpty, foreign.isEmpty { return false }
    let wasInterrupted = enter(mustNotWait: more || !jobs.isEmpty || !DeferredReleases.isEmpty)
    reap()
    fireTimers(wasInterrupted)
    DeferredReleases.run()
    return true
  }

  private func takeForeignWork() {
    guard !foreign.isEmpty else { return }
    foreign.takeAll(into: &foreignWork)
    for work in foreignWork {
      switch work {
      case .job(let job): jobs.append(job)
      case .closure(let body): body()
      }
    }
    foreignWork.removeAll(keepingCapacity: foreignWork.capacity <= 4096)
  }

  private func runJobs() {
    var budget = jobBudget
    // Held by the loop, and the loop by its thread, for longer than this call.
    let serial = unsafe serialExecutor.asUnownedSerialExecutor()
    let task = unsafe asUnownedTaskExecutor()
    while budget > 0, let job = jobs.popFirst() {
      unsafe run(job, task, serial)
      budget -= 1
    }
  }

  /// Whether a signal cut the wait short.
  private func enter(mustNotWait: Bool) -> Bool {
    var wasInterrupted = false
    var waitFor: UInt32 = mustNotWait ? 0 : 1
    var timeout: UInt64?
    if waitFor == 1 {
      if let deadline = timers.nextDeadline() {
        let now = clock.now()
        if deadline <= now {
          waitFor = 0
        } else {
          timeout = deadline - now
        }
      }
    }
    if waitFor == 1, !isWakeUpArmed, isThreaded {
      isWakeUpArmed = serialExecutor.wakeUp.arm(on: ring)
      // The kernel takes no submissions right now, so nobody could wake the loop: sleep for a moment only.
      if !isWakeUpArmed { timeout = min(timeout ?? .max, 1_000_000) }
    }
    counters.turns.bump()
    if waitFor == 1, spinning.isOn {
      let start = clock.now()
      let (end, _) = start.addingReportingOverflow(min(spinning.limit, timeout ?? .max))
      if spinning.isWorthwhile, spin(until: end) {
        counters.spunWaits.bump()
      } else {
        wasInterrupted = wait(for: 1, timeout)
      }
      now = clock.now()
      spinning.note(wait: now &- start)
    } else {
      wasInterrupted = wait(for: waitFor, timeout)
      now = clock.now()
    }
    return wasInterrupted
  }

  /// Submits, and looks for something to do until `end`. False: there is nothing, the loop may sleep.
  private func spin(until end: UInt64) -> Bool {
    if ring.pendingSubmissions > 0 { enterRing(waitFor: 0, nil) }
    while true {
      // The clock costs more than a look at the queue.
      for _ in 0..<16 {
        if ring.hasCompletions || !foreign.isEmpty { return true }
        if ring.hasPendingWork {
          enterRing(waitFor: 0, nil)
          if ring.hasCompletions { return true }
        }
      }
      if clock.now() >= end { return false }
    }
  }

  private func wait(for number: UInt32, _ timeout: UInt64?) -> Bool {
    var waitFor = number
    if waitFor == 1 {
      // Announce the sleep first, look for work second: whoever pushes does it the other way round, so one of the
      // two always sees the other.
      serialExecutor.sleeping.store(true, ordering: .sequentiallyConsistent)
      if !foreign.isEmpty { waitFor = 0 }
    }
    let wasInterrupted = enterRing(waitFor: waitFor, timeout)
    serialExecutor.sleeping.store(false, ordering: .relaxed)
    return wasInterrupted
  }

  @discardableResult
  private func enterRing(waitFor: UInt32, _ timeout: UInt64?) -> Bool {
    do {
      return try ring.enter(waitFor: waitFor, timeoutNanoseconds: timeout)
    } catch {
      enterFailed(error)
      return false
    }
  }

  private func enterFailed(_ error: RingError) {
    // Nothing that a caller did can bring this about; do not burn the core while it lasts.
    logger?.critical("io_uring_enter failed", metadata: ["loop": "\(index)", "error": "\(error)"])
    usleep(1000)
  }

  private func reap() {
    let client = client
    while let completion = ring.nextCompletion() {
      let operation = OperationID(rawValue: completion.userData)
      if operation.kindByte == OperationKind.wake.rawValue {
        isWakeUpArmed = serialExecutor.wakeUp.arm(on: ring)
      } else if operation.family == 0 {
        client.complete(completion, operation)
      } else {
        completeForGuest(completion, operation)
      }
    }
  }

  /// A timer that is late by more than this many nanoseconds was held up, and with it completions.
  private static let lateness: UInt64 = 5_000_000

  private func fireTimers(_ wasInterrupted: Bool) {
    guard timers.armed > 0, let due = timers.nextDeadline(), due <= now else { return }
    isHeldUp = wasInterrupted || now - due > EventLoop.lateness
    defer { isHeldUp = false }
    if isHeldUp, !planted(.firesTimersFirst) { catchUp() }
    while timers.armed > 0, let timer = timers.popExpired(at: now) {
      switch timer {
      case .client(let token): client.timerFired(token)
      case .sleeper(let sleeper): sleeper.wake(cancelled: false)
      case .notice(let body): body()
      case .tenant(let token): tenant?.timerFired(token)
      }
    }
  }

  /// The thread stood still: its process was stopped, the machine slept, or something on the loop took its time. What
  /// came meanwhile came in time, so it is looked at before timers say that nothing did.
  @inline(never)
  private func catchUp() {
    // A call that takes fewer entries than it is given looks at nothing: io_uring_enter(2) does not wait then.
    for _ in 0..<EventLoop.looks {
      do {
        try ring.enterForAllThatIsReady()
      } catch {
        enterFailed(error)
      }
      reap()
      if ring.pendingSubmissions == 0 { break }
    }
  }

  /// So many calls at most: what comes while they last is no reason to keep timers waiting for ever.
  private static let looks = 16
}
