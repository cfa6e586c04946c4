import CLiburing
import DequeModule
import IOBuffers
import Synchronization
import SystemPackage

/// A ring in user space: does what io_uring does with submissions, on top of calls that never wait.
///
/// What it takes and answers is what io_uring does, operation for operation; the same tests run on both
/// (docs/conformance.md). An operation is tried when it is submitted. What would have to wait is kept, and tried again
/// when the system reports that its descriptor is ready.
///
/// A descriptor's first operation is an accept or a connect, or its number came out of an accept, or nobody used it
/// before, or its last operation was a close: only so can the ring know that the number names another socket than before.
///
/// Belongs to one thread, the loop's, and to a driver: one class for each system, because what is called through a protocol is
/// specialised only there. A value, so that its variables are accessed without a check for each.
@safe
struct UserSpaceRing<System: SocketSystem>: ~Copyable {
  // Why the pointers hold: the queues live in `memory`, which is this value's until it goes, and `localTail` and the
  // heads are masked on use. Tables hand out places that are valid as their own comments say. What a submission points to
  // is there until its completion: whoever submits promises it (`Ring+Submissions.swift`).
  let queues: RingQueues
  let system: System

  var operations = OperationTable()
  var descriptors = DescriptorTable()
  var groups = BufferGroupTable()
  var ready = ReadyQueue()
  /// Unix connects whose peer has a full backlog: nobody reports when it has room.
  var unreported = ReadyQueue()

  /// Used where the system asks for checks.
  var rules = RuleMemory()
  /// Operations that were cancelled by the submissions of this call.
  var cancelled: [Int32] = []
  /// Those of earlier calls that go on for a while: a simulated kernel's.
  var dying: [DyingOperation] = []
  /// Zero-copy sends whose notification is due: a simulated kernel's.
  var notifications: [PendingNotification] = []
  /// How often an operation began to wait.
  var armings: UInt64 = 0

  /// Bytes that this call has received.
  var received = 0
  /// A receive of this call has left bytes in its socket.
  var leftInput = false

  /// Runs under the address sanitizer.
  let isSanitized = AddressSanitizer.isLoaded
  private let memory: QueueMemory
  private var localTail: UInt32 = 0
  private var parked: [io_uring_cqe] = []
  private var firstParked = 0
  /// The last call had completions of its own, and did not ask the system.
  private var skippedWait = false
  private let announcesWork: Bool
  private(set) var isClosed = false

  /// How often a busy descriptor is served before the others have their turn: as the kernel's 32.
  static var budget: Int { 32 }
  /// How many bytes a call receives before it leaves the rest to the next one: what is received is then sent while the
  /// processor's cache still has it. Only if it has the completions that it waits for, and if each receive has emptied its
  /// socket: who has more to come than the others must not come before them.
  static var batch: Int { 256 << 10 }

  /// Nil when there is no memory for the queues.
  /// - Parameter announcesWork: for a loop that spins: each look at the flags says that a call is worthwhile, as only a
  ///   call can find out.
  init?(
    system: System,
    entries: UInt32,
    completionEntries: UInt32,
    announcesWork: Bool = false
  ) {
    guard let memory = QueueMemory(entries: entries, completionEntries: completionEntries) else { return nil }
    unsafe queues = memory.queues
    self.memory = memory
    self.system = system
    self.announcesWork = announcesWork
    setFlags()
  }

  // MARK: Calls

  /// As ``RingDriver/enter(submit:waitFor:timeoutNanoseconds:)``.
  mutating func enter(submit: UInt32, waitFor: UInt32, timeoutNanoseconds: UInt64?) -> Int32 {
    guard !isClosed else { return -Errno.badFileDescriptor.rawValue }
    if system.chooses(.refusesCall) {
      return system.chooses(.lacksMemory)
        ? -Errno.resourceTemporarilyUnavailable.rawValue : -Errno.resourceBusy.rawValue
    }
    if firstParked < parked.count { unpark() }
    received = 0
    leftInput = false
    let consumed = consume(submit)
    // io_uring_enter(2) does not wait when it has taken fewer than it was given: the rest would be slept on.
    let result = consumed < submit ? wait(for: 0, 0) : wait(for: waitFor, timeoutNanoseconds)
    if firstParked < parked.count { unpark() }
    if consumed > 0 { return Int32(bitPattern: consumed) }
    return completionsReady == 0 ? result : 0
  }

  /// As ``RingDriver/register(_:_:_:)``.
  mutating func register(_ opcode: UInt32, _ argument: UnsafeMutableRawPointer?, _ count: UInt32) -> Int32 {
    guard !isClosed else { return -Errno.badFileDescriptor.rawValue }
    switch opcode {
    case SLUICE_REGISTER_PBUF_RING: return unsafe registerGroup(argument)
    case SLUICE_UNREGISTER_PBUF_RING: return unsafe unregisterGroup(argument)
    default: return -Errno.invalidArgument.rawValue
    }
  }

  /// As ``RingDriver/close()``.
  mutating func close() {
    guard !isClosed else { return }
    isClosed = true
    system.close()
  }

  // MARK: Completions

  var completionsReady: UInt32 {
    unsafe localTail &- queues.completionHead.pointee.load(ordering: .acquiring)
  }

  /// Whether a multishot operation may post: those of submissions always may, and are parked.
  @inline(__always)
  var hasRoom: Bool { unsafe completionsReady < queues.completionEntries && firstParked == parked.count }

  /// Posts a completion, or parks it while the queue is full.
  @inline(__always)
  mutating func post(_ userData: UInt64, _ result: Int32, flags: UInt32 = 0) {
    if hasRoom, !system.chooses(.parksCompletion) {
      let entry = unsafe queues.completions + Int(localTail & (queues.completionEntries &- 1))
      unsafe entry.pointee.user_data = userData
      unsafe entry.pointee.res = result
      unsafe entry.pointee.flags = flags
      localTail &+= 1
      // Whoever sees the tail must see the entry.
      unsafe queues.completionTail.pointee.store(localTail, ordering: .releasing)
    } else {
      park(userData, result, flags)
    }
  }

  @inline(never)
  private mutating func park(_ userData: UInt64, _ result: Int32, _ flags: UInt32) {
    var entry = io_uring_cqe()
    entry.user_data = userData
    entry.res = result
    entry.flags = flags
    parked.append(entry)
    setFlags()
  }

  private mutating func unpark() {
    while firstParked < parked.count, unsafe completionsReady < queues.completionEntries {
      let entry = parked[firstParked]
      firstParked += 1
      unsafe queues.completions[Int(localTail & (queues.completionEntries &- 1))] = entry
      localTail &+= 1
    }
    unsafe queues.completionTail.pointee.store(localTail, ordering: .releasing)
    if firstParked == parked.count {
      parked.removeAll(keepingCapacity: true)
      firstParked = 0
    }
    setFlags()
  }

  private mutating func setFlags() {
    let overflow = firstParked < parked.count ? SLUICE_SQ_CQ_OVERFLOW : 0
    let work = announcesWork ? SLUICE_SQ_TASKRUN : 0
    unsafe queues.submissionFlags.pointee.store(overflow | work, ordering: .relaxed)
  }

  // MARK: Turns

  private mutating func consume(_ number: UInt32) -> UInt32 {
    let head = unsafe queues.submissionHead.pointee.load(ordering: .relaxed)
    let published = unsafe queues.submissionTail.pointee.load(ordering: .acquiring) &- head
    var ready = min(number, published)
    if ready > 1, system.chooses(.consumesFewer) { ready /= 2 }
    for index in 0..<ready {
      let entry = unsafe queues.submissions + Int((head &+ index) & (queues.submissionEntries &- 1))
      unsafe submit(entry)
    }
    if !cancelled.isEmpty { endCancelled() }
    // Read to the end: the entries may be written again.
    unsafe queues.submissionHead.pointee.store(head &+ ready, ordering: .releasing)
    return ready
  }

  /// Serves what is ready, until there are as many completions as are waited for.
  ///
  /// A call that has completions of its own, of sends that were done at once, does not ask the system, unless the one
  /// before did not either: in a loop that sends what it received each second call finds nothing else to do, and so
  /// asks, and a message costs no more calls of the system than it must.
  private mutating func wait(for number: UInt32, _ timeout: UInt64?) -> Int32 {
    serveReady(number)
    notify()
    if completionsReady >= max(number, 1), !skippedWait {
      skippedWait = true
      return 0
    }
    skippedWait = false
    if system.chooses(.interruptsCall) { return -Errno.interrupted.rawValue }
    var end: UInt64?
    while true {
      var time: UInt64? = 0
      if !isSatisfied(number), ready.isEmpty {
        time = timeout
        if let timeout, timeout > 0 {
          // Once for a wait that is not cut short.
          let now = system.now()
          let last = end ?? (timeout > .max - now ? .max : now + timeout)
          end = last
          time = last > now ? last - now : 0
        }
        if !unreported.isEmpty || owesSomething { time = min(time ?? .max, Self.unreportedPause) }
      }
      let count = system.wait(timeoutNanoseconds: time)
      if count < 0 { return Int32(truncatingIfNeeded: count) }
      for index in 0..<count { note(system.event(at: index), number) }
      retryUnreported()
      serveReady(number)
      endDying()
      notify()
      if isSatisfied(number) { return 0 }
      if count == 0, ready.isEmpty, unreported.isEmpty && !owesSomething || time == 0 { return -Self.timeIsUp }
    }
  }

  /// As many completions as were asked for, or as many as the queue holds.
  private mutating func isSatisfied(_ number: UInt32) -> Bool { completionsReady >= number || !hasRoom }

  /// How long after one try the next follows where nobody reports that it is worthwhile.
  private static var unreportedPause: UInt64 { 1_000_000 }
  private static var timeIsUp: Int32 { ETIME }

  private mutating func note(_ event: ReadinessEvent, _ number: UInt32) {
    guard let state = unsafe descriptors.state(of: event.descriptor) else { return }
    guard unsafe state.pointee.generation == event.generation else { return }
    unsafe state.pointee.readiness.formUnion(event.readiness)
    if goesOn(number) {
      serve(event.descriptor)
    } else {
      unsafe enqueue(event.descriptor, state)
    }
  }

  /// Whether a call that waits for so many completions takes more now.
  @inline(__always)
  private func goesOn(_ number: UInt32) -> Bool {
    received < Self.batch || leftInput || completionsReady < number
  }

  /// Each descriptor of the queue once: those that have more to do stand at its end again.
  private mutating func serveReady(_ number: UInt32) {
    var left = ready.count
    while left > 0, hasRoom, goesOn(number), let descriptor = ready.popFirst() {
      left -= 1
      guard let state = unsafe descriptors.state(of: descriptor) else { continue }
      unsafe state.pointee.isQueued = false
      serve(descriptor)
    }
  }

  /// Has a descriptor served with the next call.
  mutating func enqueue(_ descriptor: Int32, _ state: UnsafeMutablePointer<DescriptorState>) {
    guard unsafe !state.pointee.isQueued else { return }
    unsafe state.pointee.isQueued = true
    ready.append(descriptor)
  }

  private mutating func retryUnreported() {
    for _ in 0..<unreported.count {
      guard let descriptor = unreported.popFirst() else { return }
      serve(descriptor)
    }
  }
}
