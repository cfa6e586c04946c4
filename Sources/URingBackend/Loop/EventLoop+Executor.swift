extension EventLoop {
  /// Takes a job of a task that prefers this loop. Part of `TaskExecutor`; any thread.
  public func enqueue(_ job: consuming ExecutorJob) {
    enqueue(LoopJob(job: UnownedJob(job), isActorJob: false))
  }

  @inline(__always)
  func enqueue(_ job: LoopJob) {
    if isCurrent {
      jobs.append(job)
    } else {
      submit(.job(job))
    }
  }

  @inline(__always)
  func run(_ job: LoopJob, _ task: UnownedTaskExecutor, _ serial: UnownedSerialExecutor) {
    runningTask = TaskIdentity(job.job)
    if job.isActorJob {
      unsafe job.job.runSynchronously(on: serial)
    } else {
      unsafe job.job.runSynchronously(on: task)
    }
    runningTask = .none
  }

  func run(_ work: ForeignWork) {
    switch work {
    case .job(let job): unsafe run(job, asUnownedTaskExecutor(), serialExecutor.asUnownedSerialExecutor())
    case .closure(let body): body()
    }
  }
}
