extension EventLoop {
  /// Takes a job of a task that prefers this loop. Part of `TaskExecutor`; any thread.
  public func enqueue(_ job: consuming ExecutorJob) {
    // The job is the runtime's until it has run, which the queue sees to once; its task holds this loop so long.
    unsafe serialExecutor.enqueue(LoopJob(job: UnownedJob(job), loop: Unmanaged.passUnretained(self)))
  }

  /// Runs a job on the loop's thread. The executors are this loop's own, which that thread holds.
  @inline(__always)
  func run(_ job: LoopJob, _ task: UnownedTaskExecutor, _ serial: UnownedSerialExecutor) {
    runningTask = TaskIdentity(job.job)
    // Asked whether it is there; not followed.
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
