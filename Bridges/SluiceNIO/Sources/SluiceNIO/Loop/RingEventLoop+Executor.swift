public import NIOCore

extension RingEventLoop: NIOSerialEventLoopExecutor {
  /// Takes a job of an actor or task that runs on this loop. Any thread.
  public func enqueue(_ job: consuming ExecutorJob) {
    // The runtime's until it has run, which the queue sees to once.
    enqueue(.job(UnownedJob(job)))
  }
}
