public import IOBuffers
internal import Logging
internal import Synchronization

/// One io_uring, and the one thread that owns it, its arena and its connections.
///
/// A loop is an executor: a task whose executor preference is the loop, or an actor that uses its `serialExecutor`, runs
/// on the thread that reaps completions. There is no hop and no lock between a completion and the code
/// that waits for it.
///
/// The loop's thread lives until `shutdown()`; dropping the last reference does not end it. Every public member may be
/// used from any thread: what belongs on the loop's thread hops by itself.
@safe
public final class EventLoop: TaskExecutor, @unchecked Sendable {
  // Why unchecked: the stored variables below belong to the loop's thread alone. Each public entry point either runs
  // there, or goes through `foreign`, or touches an atomic.

  /// Where buffers for replies come from. What the loop receives lies elsewhere, so that neither can take the other's memory
  /// (`Configuration.poolBytes`, `Configuration.bufferBytes`).
  public var arena: BufferArena { memory.buffers }
  /// The features of the kernel that this loop uses.
  public let features: KernelFeatures
  /// The loop's place in its group, starting from 0.
  public let index: Int

  let memory: LoopMemory
  let ring: Ring
  let jobBudget: Int
  /// Zero once the thread is gone: a later thread may get the same identity.
  let threadID: Atomic<UInt>
  let foreign = ForeignQueue()
  let logger: Logger?

  /// The loop as the executor of actors.
  public let serialExecutor = LoopSerialExecutor()

  var client = LoopClient()
  let jobs = RunQueue()
  /// The task whose job runs now. Loop thread only.
  var runningTask = TaskIdentity.none
  var foreignWork: [ForeignWork] = []
  var timers = TimerQueue<LoopTimer>()
  /// Nanoseconds of the loop's clock, read once a turn.
  var now: UInt64
  /// Whether a wait begins with spinning.
  var spinning: SpinPolicy
  var stopping = false
  var stopWaiters: [() -> Void] = []

  let wakeUp: WakeUp
  var isWakeUpArmed = false
  let sleeping = Atomic<Bool>(false)
  let stopped = Atomic<Bool>(false)
  let drainingAfterStop = Guarded(false)
  let counters = LoopCounters()

  /// Creates the ring on the calling thread, which becomes the loop's thread.
  ///
  /// - Parameter spin: nanoseconds of spinning before each sleep.
  init(
    index: Int,
    driver: any RingDriver,
    memory: LoopMemory,
    jobBudget: Int,
    spin: UInt64 = 0,
    logger: Logger?
  ) throws(RingError) {
    self.index = index
    self.memory = memory
    self.ring = Ring(driver: driver)
    self.features = driver.features
    self.jobBudget = max(1, jobBudget)
    self.threadID = Atomic(LoopThread.current)
    self.logger = logger
    spinning = SpinPolicy(limit: spin)
    self.now = LoopClock.now()
    self.wakeUp = try WakeUp()
    serialExecutor.attach(to: self)
  }

  /// Whether the caller runs on the loop's thread.
  public var isCurrent: Bool { LoopThread.current == threadID.load(ordering: .relaxed) }

  /// Runs `body` on the loop's thread: at once when the caller is there, otherwise in the loop's next turn.
  ///
  /// Never blocks. Bodies of one caller run in the order they were handed over.
  public func execute(_ body: @escaping @Sendable () -> Void) {
    if isCurrent {
      body()
    } else {
      submit(.closure(body))
    }
  }

  /// Ends the loop: open connections are aborted, timers cancelled, jobs that are ready run, then the ring closes
  /// and the thread exits. Returns when that is done. A second call waits for the same end.
  ///
  /// Call it from a task that does not prefer this loop as its executor; such a task could not run on afterwards.
  public func shutdown() async {
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      submit(.closure { unsafe self.beginStop(continuation) })
    }
  }

  private func beginStop(_ continuation: UnsafeContinuation<Void, Never>) {
    if stopped.load(ordering: .acquiring) {
      unsafe continuation.resume()
      return
    }
    stopWaiters.append { unsafe continuation.resume() }
    if !stopping {
      stopping = true
      client.stop()
    }
  }

  /// Hands work over from another thread and wakes the loop if it sleeps.
  func submit(_ work: ForeignWork) {
    foreign.push(work)
    if stopped.load(ordering: .sequentiallyConsistent) {
      drainAfterStop()
    } else if sleeping.exchange(false, ordering: .sequentiallyConsistent) {
      wakeUp.signal()
    }
  }

  /// Work that arrives after the end runs on the thread that brought it, one piece at a time, so that no task that
  /// still prefers this loop is stranded. There is nothing left that it could race with.
  func drainAfterStop() {
    while !foreign.isEmpty {
      let mine = drainingAfterStop.withLock { busy in
        defer { busy = true }
        return !busy
      }
      guard mine else { return }
      var work: [ForeignWork] = []
      foreign.takeAll(into: &work)
      for piece in work {
        run(piece)
        while let job = jobs.popFirst() { run(ForeignWork.job(job)) }
      }
      drainingAfterStop.withLock { $0 = false }
    }
  }
}
