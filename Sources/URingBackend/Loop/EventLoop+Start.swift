internal import Glibc
internal import IOBuffers
internal import Logging
internal import Synchronization
internal import SystemPackage

extension EventLoop {
  /// Builds what stands on a loop: the layer above passes it in, so that the loop need not know it.
  typealias MakeClient = @Sendable (EventLoop, Configuration) throws(RingError) -> LoopClient

  /// Starts a thread with a ring, an arena and an empty run queue, and returns once all three stand.
  static func start(
    _ configuration: Configuration,
    index: Int,
    logger: Logger?,
    client: @escaping MakeClient
  ) throws(RingError) -> EventLoop {
    let result = StartResult()
    try LoopThread.start {
      LoopThread.name("sluice-\(index)")
      do throws(RingError) {
        let loop = try make(configuration, index: index, logger: logger, client: client)
        result.set(.success(loop))
        loop.run()
      } catch {
        result.set(.failure(error))
      }
    }
    return try result.wait().get()
  }

  /// Builds a loop on the calling thread, which then has to call `run()`.
  private static func make(
    _ configuration: Configuration,
    index: Int,
    logger: Logger?,
    client: MakeClient
  ) throws(RingError) -> EventLoop {
    if let processor = configuration.processor, !LoopThread.pin(to: processor) {
      logger?.warning("cannot pin the loop", metadata: ["loop": "\(index)", "processor": "\(processor)"])
    }
    var selection = try DriverSelection(configuration.driver)
    let loop: EventLoop
    do throws(RingError) {
      let driver = try selection.makeDriver(configuration)
      loop = try make(configuration, index: index, driver: driver, logger: logger, client: client)
    } catch {
      // The queues stand, but not the buffer rings of what stands on the loop: they are charged to the same limit.
      guard selection.fallBack(after: error) else { throw error }
      let driver = try selection.makeDriver(configuration)
      loop = try make(configuration, index: index, driver: driver, logger: logger, client: client)
    }
    // Once, not for each loop of a group; but a loop that met a shortage may be the only one.
    if index == 0 || selection.isShortage { selection.log(to: logger, index: index) }
    return loop
  }

  /// Builds a loop over any driver: the seam for tests.
  static func make(
    _ configuration: Configuration,
    index: Int,
    driver: any RingDriver,
    clock: LoopClock = LoopClock(),
    logger: Logger?,
    client: MakeClient
  ) throws(RingError) -> EventLoop {
    if let bytes = configuration.slotBytes, !MemoryPlan.slotRange.contains(bytes) {
      throw RingError(
        reason: .system(.invalidArgument),
        operation: "divide the pool: slotBytes is \(bytes), and must be in \(MemoryPlan.slotRange)",
        errno: .invalidArgument
      )
    }
    let memory: LoopMemory
    do throws(BufferError) {
      memory = try LoopMemory(configuration, incremental: driver.features.has(.incrementalBuffers))
    } catch {
      throw RingError(reason: .outOfMemory, operation: "create the buffer pool: \(error)")
    }
    let loop = try EventLoop(
      index: index,
      driver: driver,
      memory: memory,
      jobBudget: configuration.jobBudget,
      spin: LoopClock.deadline(after: configuration.spin, from: 0),
      clock: clock,
      logger: logger
    )
    loop.client = try client(loop, configuration)
    return loop
  }
}

extension DriverSelection {
  fileprivate mutating func makeDriver(_ configuration: EventLoop.Configuration) throws(RingError) -> any RingDriver {
    try makeDriver(
      // One connection may ask for several submissions at once.
      entries: max(64, configuration.submissionEntries),
      completionEntries: configuration.completionEntries,
      disabled: configuration.disabledFeatures,
      announcesWork: configuration.spin > .zero
    )
  }
}

/// Carries the outcome of a thread's start to the thread that waits for it.
@safe
private final class StartResult: @unchecked Sendable {
  // Why unchecked: the mutex guards `value`. Mutex and condition have places of their own, which never move, are made
  // here, and go when the last who could use them has let go of this object.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private var value: Result<EventLoop, RingError>?

  init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe pthread_mutex_init(mutex, nil)
    unsafe condition = .allocate(capacity: 1)
    unsafe condition.initialize(to: pthread_cond_t())
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  func set(_ result: Result<EventLoop, RingError>) {
    unsafe pthread_mutex_lock(mutex)
    value = result
    unsafe pthread_cond_signal(condition)
    unsafe pthread_mutex_unlock(mutex)
  }

  func wait() -> Result<EventLoop, RingError> {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while true {
      if let value { return value }
      unsafe pthread_cond_wait(condition, mutex)
    }
  }
}
