internal import IOBuffers
internal import Synchronization

/// The loop as the executor of actors: an actor whose `unownedExecutor` is this one's runs on the loop's thread.
///
/// ```swift
/// actor Session {
///   let executor: LoopSerialExecutor
///   nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
/// }
/// ```
/// It is an object of its own, apart from the loop as a task's preferred executor: the runtime asks on which of the two
/// a job runs, and a job that ran on the wrong one would be queued a second time.
///
/// The actor must hold it, or the loop: the runtime does not. It owns all that it needs, and may be kept for as long as
/// one likes: what comes after the loop's end runs on some other thread, one piece at a time.
@safe
public final class LoopSerialExecutor: SerialExecutor, @unchecked Sendable {
  // Why unchecked: `jobs` belongs to the thread that `threadID` names; the rest is constant, atomic or locked.

  /// The thread that runs the loop's work. After the loop's end whoever runs what still comes, for as long as that
  /// takes; zero: nobody.
  private let threadID: Atomic<UInt>
  /// What is ready.
  let jobs = RunQueue()
  /// What other threads brought.
  let foreign = ForeignQueue()
  /// Whether the loop's thread sleeps, or is about to.
  let sleeping = Atomic<Bool>(false)
  /// The loop has ended: nothing of it is left but this object.
  private let stopped = Atomic<Bool>(false)
  /// Somebody runs what came after the end.
  private let draining = Guarded(false)
  let wakeUp: WakeUp

  /// Made on the loop's thread.
  init() throws(RingError) {
    threadID = Atomic(LoopThread.current)
    wakeUp = try WakeUp()
  }

  /// Whether the caller runs on the loop's thread, or in its place.
  @inline(__always)
  var isCurrent: Bool { LoopThread.current == threadID.load(ordering: .relaxed) }

  /// Whether the loop's thread is gone, or about to exit.
  var hasEnded: Bool { stopped.load(ordering: .acquiring) }

  /// Takes a job of an actor. Part of `SerialExecutor`; any thread.
  public func enqueue(_ job: consuming ExecutorJob) {
    // The job is the runtime's until it has run, which the queue sees to once.
    enqueue(unsafe LoopJob(job: UnownedJob(job), loop: nil))
  }

  /// Traps unless the caller runs on the loop's thread. Part of `SerialExecutor`.
  public func checkIsolated() {
    precondition(isCurrent, "this code must run on the thread of its event loop")
  }

  /// The same question without a trap. Part of `SerialExecutor`.
  public func isIsolatingCurrentContext() -> Bool? { isCurrent }

  // MARK: Work

  @inline(__always)
  func enqueue(_ job: LoopJob) {
    if isCurrent {
      jobs.append(job)
    } else {
      enqueueFromElsewhere(job)
    }
  }

  @inline(never)
  private func enqueueFromElsewhere(_ job: LoopJob) {
    held().submit(.job(job))
  }

  /// A reference that is the caller's own.
  ///
  /// The runtime calls `enqueue` without one: what keeps the executor is the task or the actor that the job belongs to,
  /// and that may be gone as soon as the job has run, before `enqueue` returns. Hidden from the optimizer, to which a second
  /// reference beside the one of whoever called is superfluous.
  @inline(never)
  @_optimize(none)
  private func held() -> LoopSerialExecutor { self }

  /// Hands work over from another thread and wakes the loop if it sleeps.
  func submit(_ work: ForeignWork) {
    foreign.push(work)
    if stopped.load(ordering: .sequentiallyConsistent) {
      drainElsewhere()
    } else if sleeping.exchange(false, ordering: .sequentiallyConsistent) {
      wakeUp.signal()
    }
  }

  /// The calling thread runs the loop's work from now on: for a loop without a thread of its own, between two turns, when
  /// nobody else uses it.
  func moveHere() { threadID.store(LoopThread.current, ordering: .relaxed) }

  // MARK: The end

  /// The loop's thread ends: what is ready runs, then `last`, then what that made ready, also for tasks that still
  /// prefer the loop.
  func end(_ last: () -> Void) {
    // Before the others see that the loop has ended: until this thread is done with it, its place is taken.
    draining.withLock { $0 = true }
    stopped.store(true, ordering: .sequentiallyConsistent)
    runAll()
    threadID.store(0, ordering: .relaxed)
    // What this resumes on the loop waits until all of it is done.
    last()
    draining.withLock { $0 = false }
    while !foreign.isEmpty, takePlace() { runInPlace() }
  }

  /// Has what arrived after the end run, so that no task that still prefers the loop is stranded.
  ///
  /// Not here and now: whoever resumes a task, or hands over a body, may hold a lock, or be in the middle of another
  /// loop's work. A thread of the runtime's pool takes the loop's place.
  private func drainElsewhere() {
    guard takePlace() else { return }
    Task.detached {
      repeat { self.runInPlace() } while !self.foreign.isEmpty && self.takePlace()
    }
  }

  /// Whether the loop's place is the caller's now. Otherwise somebody is there, and looks for more before he is done.
  private func takePlace() -> Bool {
    draining.withLock { busy in
      defer { busy = true }
      return !busy
    }
  }

  private func runInPlace() {
    threadID.store(LoopThread.current, ordering: .relaxed)
    runAll()
    threadID.store(0, ordering: .relaxed)
    draining.withLock { $0 = false }
  }

  /// Runs what is ready and what came from elsewhere, until nothing is left.
  private func runAll() {
    var work: [ForeignWork] = []
    while true {
      while let job = jobs.popFirst() { run(job) }
      if foreign.isEmpty { return }
      foreign.takeAll(into: &work)
      for piece in work {
        run(piece)
        while let job = jobs.popFirst() { run(job) }
      }
      work.removeAll()
    }
  }

  /// Runs a piece of work outside of the loop's turns.
  func run(_ work: ForeignWork) {
    switch work {
    case .job(let job): run(job)
    case .closure(let body): body()
    }
  }

  private func run(_ job: LoopJob) {
    // The task holds the loop until it ends; it may end in this job, hence a reference of our own. Likewise `held()`.
    guard let loop = unsafe job.loop?.takeUnretainedValue() else {
      unsafe job.job.runSynchronously(on: asUnownedSerialExecutor())
      return
    }
    withExtendedLifetime(loop) { unsafe job.job.runSynchronously(on: loop.asUnownedTaskExecutor()) }
  }
}
