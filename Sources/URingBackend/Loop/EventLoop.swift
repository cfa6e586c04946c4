public import IOBuffers
internal import Logging

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
  // Why unchecked: the stored variables below belong to the loop's thread, and after its end to whoever runs in its place,
  // one at a time and one after the other under a lock. Each public entry point either runs there, or goes through
  // `foreign`, or touches an atomic.

  /// Where buffers for replies come from. What the loop receives lies elsewhere, so that neither can take the other's memory
  /// (`Configuration.poolBytes`, `Configuration.bufferBytes`).
  public var arena: BufferArena { memory.buffers }
  /// The features of the kernel that this loop uses.
  public let features: KernelFeatures
  /// The loop's place in its group, starting from 0.
  public let index: Int

  let memory: LoopMemory
  let ring: Ring
  let clock: LoopClock
  let jobBudget: Int
  let logger: Logger?

  /// The loop as the executor of actors.
  ///
  /// It owns what both of the loop's executors need, and does not hold the loop: an actor that keeps it, and nothing of
  /// the loop, is safe.
  public let serialExecutor: LoopSerialExecutor

  /// The connections: what a server of streams has, and nothing else.
  var client = LoopClient()
  /// What came later, each in the place of its family of operations; see `attach`. Empty in a loop of connections alone.
  var guests: [LoopClient] = []
  /// What another event system keeps here; see `Bridging/`.
  var tenant: LoopTenant?
  /// The executor's, once more: one step less for each job.
  let jobs: RunQueue
  /// The task whose job runs now. Loop thread only.
  var runningTask = TaskIdentity.none
  var foreignWork: [ForeignWork] = []
  var timers = TimerQueue<LoopTimer>()
  /// Nanoseconds of the loop's clock, read once a turn.
  var now: UInt64
  /// Whether a wait begins with spinning.
  var spinning: SpinPolicy
  /// The timers that fire now may be late, because the thread stood still.
  var isHeldUp = false
  var stopping = false
  let endWaiters = Guarded(EndWaiters())

  var isWakeUpArmed = false
  /// Has a thread of its own, which sleeps and is woken. Otherwise somebody steps it: nobody can come from elsewhere.
  var isThreaded = true
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
    clock: LoopClock = LoopClock(),
    logger: Logger?
  ) throws(RingError) {
    self.index = index
    self.memory = memory
    self.ring = Ring(driver: driver)
    self.features = driver.features
    self.jobBudget = max(1, jobBudget)
    serialExecutor = try LoopSerialExecutor()
    jobs = serialExecutor.jobs
    self.logger = logger
    spinning = SpinPolicy(limit: spin)
    self.clock = clock
    self.now = clock.now()
  }

  /// Whether the caller runs on the loop's thread; after the loop's end, whether it runs in its place.
  public var isCurrent: Bool { serialExecutor.isCurrent }

  /// Whether the loop has ended: its thread is gone, or about to exit.
  var hasEnded: Bool { serialExecutor.hasEnded }

  /// What other threads brought.
  var foreign: ForeignQueue { serialExecutor.foreign }

  /// Runs `body` on the loop's thread: at once when the caller is there, otherwise in the loop's next turn.
  ///
  /// On the loop's thread `body` has run when this returns, also where the caller is a handler or another body. Called
  /// from elsewhere this never waits, and the bodies of one thread run in the order in which they were handed over.
  ///
  /// After the loop's end a body runs nevertheless, on some other thread, in the loop's place: one at a time, with the
  /// loop's actors, and without its connections, which are gone.
  public func execute(_ body: @escaping @Sendable () -> Void) {
    if isCurrent {
      body()
    } else {
      submit(.closure(body))
    }
  }

  /// Hands work over from another thread and wakes the loop if it sleeps.
  func submit(_ work: ForeignWork) { serialExecutor.submit(work) }
}
