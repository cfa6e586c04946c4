extension EventLoop {
  /// Takes a job of a task or actor that prefers this loop. Part of `TaskExecutor` and `SerialExecutor`.
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if isCurrent {
      jobs.append(job)
    } else {
      submit(.job(job))
    }
  }

  /// The loop as the executor of an actor. Part of `SerialExecutor`.
  public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    unsafe UnownedSerialExecutor(ordinary: self)
  }

  /// The loop as the preferred executor of a task. Part of `TaskExecutor`.
  public func asUnownedTaskExecutor() -> UnownedTaskExecutor {
    unsafe UnownedTaskExecutor(ordinary: self)
  }

  /// Lets the runtime verify assumptions such as `MainActor.assumeIsolated`'s counterpart for actors on this loop.
  public func checkIsolated() {
    precondition(isCurrent, "this code must run on the thread of its event loop")
  }

  /// The same question without a trap. Part of `SerialExecutor`.
  public func isIsolatingCurrentContext() -> Bool? { isCurrent }

  func run(_ work: ForeignWork) {
    switch work {
    case .job(let job):
      unsafe job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
    case .closure(let body):
      body()
    }
  }
}
