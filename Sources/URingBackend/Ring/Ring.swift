import CLiburing
import SystemPackage
import Synchronization

/// One io_uring: its submission and completion queues, exact and thin.
///
/// Not thread-safe: only the thread that made its driver touches it. Works on queue memory directly; the driver is
/// called once per ``enter(waitFor:timeoutNanoseconds:)``.
@safe
final class Ring {
  /// What the driver can do.
  let features: KernelFeatures
  private let driver: any RingDriver

  // Copies of what `driver.queues` says: the hot path reads no existential.
  //
  // Why they hold: the driver keeps the memory until `close`, after which `isClosed`, or a mark that reads 0, stands in
  // front of every use; in a forked child, where it is not mapped, the driver's own mark does. Indices are masked, so they
  // stay inside. Submissions between the kernel's head and our tail are not written, completions between our head and the
  // kernel's tail are not overwritten: that is the protocol of io_uring(7), and what the orderings below are for.
  private let submissionHead: UnsafeMutablePointer<Atomic<UInt32>>
  private let submissionTail: UnsafeMutablePointer<Atomic<UInt32>>
  private let submissionFlags: UnsafeMutablePointer<Atomic<UInt32>>
  private let submissions: UnsafeMutablePointer<io_uring_sqe>
  private let submissionEntries: UInt32
  private let completionHead: UnsafeMutablePointer<Atomic<UInt32>>
  private let completionTail: UnsafeMutablePointer<Atomic<UInt32>>
  private let completionOverflow: UnsafeMutablePointer<Atomic<UInt32>>
  private let completions: UnsafeMutablePointer<io_uring_cqe>
  private let completionMask: UInt32
  /// 0 when the queues must not be touched: in a forked child, and (then it is `closedMark`) after ``close()``.
  private var ownerMark: UnsafeMutablePointer<UInt32>
  private let closedMark: UnsafeMutablePointer<UInt32>

  /// Entries handed out, published or not. Runs ahead of the kernel's tail until the next enter.
  private var localTail: UInt32
  /// Our completion head; the kernel's copy is written behind it.
  private var localHead: UInt32
  /// The completion tail as last read: saves an acquiring load for all but one of a batch.
  private var knownTail: UInt32
  private(set) var isClosed = false
  private var counts = RingStatistics()

  /// Takes over a driver. The ring closes it.
  init(driver: any RingDriver) {
    self.driver = driver
    features = driver.features
    // Only copied, except for the two loads, and the driver has just been made.
    let queues = unsafe driver.queues
    unsafe submissionHead = queues.submissionHead
    unsafe submissionTail = queues.submissionTail
    unsafe submissionFlags = queues.submissionFlags
    unsafe submissions = queues.submissions
    unsafe submissionEntries = queues.submissionEntries
    unsafe completionHead = queues.completionHead
    unsafe completionTail = queues.completionTail
    unsafe completionOverflow = queues.completionOverflow
    unsafe completions = queues.completions
    unsafe completionMask = queues.completionEntries - 1
    unsafe ownerMark = queues.ownerMark
    // Ours, until this object goes.
    unsafe closedMark = .allocate(capacity: 1)
    unsafe closedMark.initialize(to: 0)
    unsafe localTail = queues.submissionTail.pointee.load(ordering: .relaxed)
    unsafe localHead = queues.completionHead.pointee.load(ordering: .relaxed)
    knownTail = localHead
  }

  deinit {
    close()
    unsafe closedMark.deallocate()
  }

  // MARK: Submissions

  /// Entries that were handed out and that the kernel has not consumed.
  var pendingSubmissions: UInt32 {
    // The mark is 0 after `close` too.
    unsafe ownerMark.pointee == 0 ? 0 : unsafe localTail &- submissionHead.pointee.load(ordering: .acquiring)
  }

  /// Entries that can be had without entering the kernel.
  var availableSubmissions: UInt32 { submissionEntries - pendingSubmissions }

  /// A zeroed entry, to be filled before the next call on this ring.
  ///
  /// When the queue is full, what is there is submitted first (one enter that does not wait), so that a submission is
  /// never dropped.
  /// - Returns: nil only if the kernel consumes nothing (it is out of memory), the ring is closed, or this is a forked
  ///   child. Then try again after the next enter.
  @inline(__always)
  func nextSubmission() -> UnsafeMutablePointer<io_uring_sqe>? {
    if unsafe ownerMark.pointee == 0 { return nil }
    if unsafe (localTail &- submissionHead.pointee.load(ordering: .acquiring)) >= submissionEntries {
      guard makeRoom() else { return nil }
    }
    let entry = unsafe submissions + Int(localTail & (submissionEntries &- 1))
    localTail &+= 1
    unsafe entry.initialize(to: io_uring_sqe())
    return unsafe entry
  }

  /// Submits a full queue without waiting.
  @inline(never)
  private func makeRoom() -> Bool {
    counts.forcedEnters += 1
    // Whatever it answers, the head says what was consumed; what stops the kernel will stop the loop's own enter too,
    // and is reported there.
    _ = submitAndWait(for: 0, timeoutNanoseconds: nil)
    return pendingSubmissions < submissionEntries
  }

  /// Publishes what was prepared, and waits for completions: one system call.
  ///
  /// An interrupted wait, one that ran out of time, and a kernel that is short of memory for the moment are normal: the
  /// call returns, and the caller looks at the queue and comes again.
  /// - Parameters:
  ///   - waitFor: how many completions to wait for; 0 submits, lets the kernel post what is ready, and returns.
  ///   - timeoutNanoseconds: the longest wait, nil for no limit.
  /// - Returns: whether a signal interrupted the call; what was ready may not have been posted then.
  /// - Throws: ``RingError`` for what no repetition heals. io_uring_enter(2).
  @discardableResult
  func enter(waitFor: UInt32, timeoutNanoseconds: UInt64?) throws(RingError) -> Bool {
    guard !isClosed else {
      throw RingError(reason: .system(.badFileDescriptor), operation: "io_uring_enter", errno: .badFileDescriptor)
    }
    guard unsafe ownerMark.pointee != 0 else {
      throw RingError(reason: .wrongThread, operation: "io_uring_enter", errno: .fileExists)
    }
    let result = submitAndWait(for: waitFor, timeoutNanoseconds: timeoutNanoseconds)
    return result < 0 ? try checkEnter(result) : false
  }

  /// Has the kernel post all that is ready, and does not wait: one system call.
  ///
  /// An enter that waits for nothing runs no more than twenty pieces of deferred work (IO_LOCAL_TW_DEFAULT_MAX in
  /// io_uring's source, since 6.13); one that asks for more goes on until there are none, and no time runs out at once.
  func enterForAllThatIsReady() throws(RingError) {
    try enter(waitFor: completionMask &+ 1, timeoutNanoseconds: 0)
  }

  @inline(__always)
  private func submitAndWait(for waitFor: UInt32, timeoutNanoseconds: UInt64?) -> Int32 {
    // The kernel must see filled entries when it sees the tail.
    unsafe submissionTail.pointee.store(localTail, ordering: .releasing)
    let result = unsafe driver.enter(
      submit: localTail &- submissionHead.pointee.load(ordering: .acquiring),
      waitFor: waitFor,
      timeoutNanoseconds: timeoutNanoseconds
    )
    counts.enters += 1
    if result > 0 { counts.submissions += UInt64(UInt32(result)) }
    return result
  }

  /// Whether the failed call was interrupted; throws what is not normal.
  @inline(never)
  private func checkEnter(_ result: Int32) throws(RingError) -> Bool {
    let error = Errno(rawValue: -result)
    switch error {
    case .interrupted:
      return true
    case .resourceTemporarilyUnavailable, .resourceBusy, Self.timeIsUp:
      return false
    case Self.droppedCompletions:
      throw RingError(reason: .completionsLost, operation: "io_uring_enter", errno: error)
    default:
      throw RingError.diagnose(errno: -result, operation: "io_uring_enter")
    }
  }

  private static var timeIsUp: Errno { Errno(rawValue: ETIME) }
  private static var droppedCompletions: Errno { Errno(rawValue: EBADR) }

  // MARK: Completions

  /// Whether a completion is ready.
  @inline(__always)
  var hasCompletions: Bool {
    if localHead != knownTail { return true }
    guard unsafe ownerMark.pointee != 0 else { return false }
    return unsafe completionTail.pointee.load(ordering: .acquiring) != localHead
  }

  /// The kernel parked completions outside the full queue. The next enter moves them in.
  var hasOverflow: Bool {
    guard unsafe ownerMark.pointee != 0 else { return false }
    return unsafe submissionFlags.pointee.load(ordering: .relaxed) & SLUICE_SQ_CQ_OVERFLOW != 0
  }

  /// The next enter would post completions, also one that does not wait. Only where the driver was asked to announce it.
  @inline(__always)
  var hasPendingWork: Bool {
    guard unsafe ownerMark.pointee != 0 else { return false }
    return unsafe submissionFlags.pointee.load(ordering: .relaxed) & (SLUICE_SQ_TASKRUN | SLUICE_SQ_CQ_OVERFLOW) != 0
  }

  /// Completions that the kernel dropped because it had no memory to park them. 0 while all is well; else the next
  /// enter throws ``RingError/Reason/completionsLost``, once.
  var lostCompletions: UInt32 {
    guard unsafe ownerMark.pointee != 0 else { return 0 }
    return unsafe completionOverflow.pointee.load(ordering: .relaxed)
  }

  /// Takes the oldest completion out of the queue.
  ///
  /// One at a time, so that handlers may prepare submissions, and even enter, between two of them.
  @inline(__always)
  func nextCompletion() -> Completion? {
    if localHead == knownTail {
      guard reloadTail() else { return nil }
    }
    let entry = unsafe completions + Int(localHead & completionMask)
    let completion = unsafe Completion(
      userData: entry.pointee.user_data,
      result: entry.pointee.res,
      flags: entry.pointee.flags
    )
    localHead &+= 1
    counts.completions &+= 1
    // The kernel may overwrite the entry as soon as it sees the head.
    unsafe completionHead.pointee.store(localHead, ordering: .releasing)
    return completion
  }

  @inline(__always)
  private func reloadTail() -> Bool {
    guard unsafe ownerMark.pointee != 0 else { return false }
    knownTail = unsafe completionTail.pointee.load(ordering: .acquiring)
    return knownTail != localHead
  }

  // MARK: The rest

  /// Registers or unregisters something: io_uring_register(2). Zero or more, or a negative errno value.
  func register(_ opcode: UInt32, _ argument: UnsafeMutableRawPointer?, _ count: UInt32) -> Int32 {
    isClosed ? -Errno.badFileDescriptor.rawValue : unsafe driver.register(opcode, argument, count)
  }

  /// What happened so far.
  var statistics: RingStatistics { counts }

  /// System calls that submit or wait, so far.
  var entersCount: UInt64 { counts.enters }

  /// Gives the queues back. Idempotent. Memory lent to operations that still run stays lent: see
  /// ``RingDriver/close()``.
  func close() {
    guard !isClosed else { return }
    isClosed = true
    knownTail = localHead
    unsafe ownerMark = closedMark
    driver.close()
  }
}
