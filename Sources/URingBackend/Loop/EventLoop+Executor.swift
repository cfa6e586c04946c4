extension EventLoop {
  /// Takes a job of a task that prefers this loop. Part of `TaskExecutor`; any thread.
  public func enqueue(_ job: consuming ExecutorJob) {
    unsafe serialExecutor.enqueue(LoopJob(job: UnownedJob(job), loop: Unmanaged.passUnretained(self)))
  }

  @inline(__always)
  func run(_ job: LoopJob, _ task: UnownedTaskExecutor, _ serial: UnownedSerialExecutor) {
    runningTask = TaskIdentity(job.job)
    if unsafe job.loop == nil {
      unsafe job.job.runSynchronously(on: serial)
    } else {
      unsafe job.job.runSynchronously(on: task)
    }
    runningTask = .none
  }

  /// Runs a piece of work outside of the loop's turns.
  func run(_ work: ForeignWork) { serialExecutor.run(work) }
}
