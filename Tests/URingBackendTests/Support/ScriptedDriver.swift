import CLiburing
import SystemPackage
import Synchronization

@testable import URingBackend

/// A ring driver whose kernel is the test: plain memory, no system call.
///
/// It consumes what the ring submits and keeps it for the test to read; completions come when the test writes them, at
/// once with `complete`, or from `onEnter` while the code under test enters. Provided-buffer rings work: `deliver` puts
/// bytes into the memory that the ring posted, as a receive would.
@safe
final class ScriptedDriver: RingDriver {
  /// One call of `enter`.
  struct Enter: Equatable {
    var submit: UInt32
    var waitFor: UInt32
    var timeoutNanoseconds: UInt64?
  }

  let features: KernelFeatures
  let queues: RingQueues

  /// Every call of `enter` so far.
  private(set) var enters: [Enter] = []
  /// Submissions that were consumed and that the test has not taken.
  private(set) var submissions: [ScriptedSubmission] = []
  /// Opcodes of every call of `register` so far.
  private(set) var registrations: [UInt32] = []
  private(set) var isClosed = false

  /// Runs in each `enter` after the submissions were consumed: the place to answer them.
  var onEnter: ((ScriptedDriver) -> Void)?
  /// At most so many submissions are consumed by one `enter`.
  var consumeLimit = UInt32.max
  /// What the next `enter` returns instead of consuming anything; a negative errno value.
  var nextResult: Int32?
  /// What `register` answers to an opcode instead of carrying it out.
  var registerResults: [UInt32: Int32] = [:]

  var groups: [UInt16: ScriptedBufferGroup] = [:]
  private var parked: [io_uring_cqe] = []
  private let words: UnsafeMutablePointer<UInt32>
  private let ownerMark: UnsafeMutablePointer<UInt32>

  /// - Parameter start: the value at which all queue indices begin; near `UInt32.max` they wrap soon.
  init(
    entries: UInt32 = 8,
    completionEntries: UInt32 = 16,
    features: KernelFeatures = KernelFeatures(assuming: KernelFeature.allCases),
    start: UInt32 = 0
  ) {
    self.features = features
    // A cache line's distance, as in the kernel's layout.
    let words = UnsafeMutablePointer<UInt32>.allocate(capacity: 6 * 16)
    unsafe words.initialize(repeating: 0, count: 6 * 16)
    for word in 0..<4 { unsafe words[word * 16] = start }
    unsafe self.words = words
    unsafe ownerMark = .allocate(capacity: 1)
    unsafe ownerMark.initialize(to: 1)
    let sqes = UnsafeMutablePointer<io_uring_sqe>.allocate(capacity: Int(entries))
    let cqes = UnsafeMutablePointer<io_uring_cqe>.allocate(capacity: Int(completionEntries))
    // Garbage, so that a test notices an entry that was not cleared.
    unsafe UnsafeMutableRawPointer(sqes).initializeMemory(as: UInt8.self, repeating: 0xAA, count: 64 * Int(entries))
    unsafe UnsafeMutableRawPointer(cqes)
      .initializeMemory(as: UInt8.self, repeating: 0xAA, count: 16 * Int(completionEntries))
    func atomic(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt32>> { unsafe RingQueues.atomic(words + index * 16) }
    unsafe queues = RingQueues(
      submissionHead: atomic(0),
      submissionTail: atomic(1),
      submissionFlags: atomic(4),
      submissionEntries: entries,
      submissions: sqes,
      completionHead: atomic(2),
      completionTail: atomic(3),
      completionOverflow: atomic(5),
      completionEntries: completionEntries,
      completions: cqes,
      ownerMark: ownerMark
    )
  }

  deinit {
    unsafe queues.submissions.deallocate()
    unsafe queues.completions.deallocate()
    unsafe words.deallocate()
    unsafe ownerMark.deallocate()
  }

  // MARK: RingDriver

  func enter(submit: UInt32, waitFor: UInt32, timeoutNanoseconds: UInt64?) -> Int32 {
    enters.append(Enter(submit: submit, waitFor: waitFor, timeoutNanoseconds: timeoutNanoseconds))
    if let result = nextResult {
      nextResult = nil
      return result
    }
    let consumed = consume(min(submit, consumeLimit))
    onEnter?(self)
    unpark()
    if consumed == 0, waitFor > 0, completionsReady < waitFor {
      // A test does not sleep: the time is up at once, and a wait without limit is interrupted.
      return timeoutNanoseconds == nil ? -Errno.interrupted.rawValue : -ETIME
    }
    return Int32(consumed)
  }

  func register(_ opcode: UInt32, _ argument: UnsafeMutableRawPointer?, _ count: UInt32) -> Int32 {
    registrations.append(opcode)
    if let result = registerResults[opcode] { return result }
    guard let argument = unsafe argument else { return -Errno.badAddress.rawValue }
    let group = unsafe argument.load(fromByteOffset: 12, as: UInt16.self)
    switch opcode {
    case SLUICE_REGISTER_PBUF_RING:
      guard groups[group] == nil else { return -Errno.fileExists.rawValue }
      let address = unsafe argument.load(fromByteOffset: 0, as: UInt64.self)
      let flags = unsafe argument.load(fromByteOffset: 14, as: UInt16.self)
      let entries = unsafe argument.load(fromByteOffset: 8, as: UInt32.self)
      guard let memory = unsafe UnsafeMutableRawPointer(bitPattern: UInt(address)), address % 4096 == 0 else {
        return -Errno.invalidArgument.rawValue
      }
      groups[group] = unsafe ScriptedBufferGroup(
        memory: memory,
        entries: Int(entries),
        isIncremental: UInt32(flags) & SLUICE_PBUF_RING_INC != 0
      )
      return 0
    case SLUICE_UNREGISTER_PBUF_RING:
      return groups.removeValue(forKey: group) == nil ? -Errno.noSuchFileOrDirectory.rawValue : 0
    default:
      return 0
    }
  }

  func close() {
    isClosed = true
  }

  // MARK: The kernel's part

  /// Takes the submissions that were consumed since the last call.
  func takeSubmissions() -> [ScriptedSubmission] {
    defer { submissions = [] }
    return submissions
  }

  /// Entries that the ring published and that were not consumed.
  var publishedSubmissions: UInt32 {
    unsafe queues.submissionTail.pointee.load(ordering: .acquiring)
      &- queues.submissionHead.pointee.load(ordering: .acquiring)
  }

  /// Completions in the queue.
  var completionsReady: UInt32 {
    unsafe queues.completionTail.pointee.load(ordering: .acquiring)
      &- queues.completionHead.pointee.load(ordering: .acquiring)
  }

  /// Completions that did not fit the queue.
  var completionsParked: Int { parked.count }

  /// Posts a completion. When the queue is full it waits outside, and the overflow flag says so, as in the kernel.
  func complete(_ userData: UInt64, result: Int32, flags: UInt32 = 0) {
    var entry = io_uring_cqe()
    entry.user_data = userData
    entry.res = result
    entry.flags = flags
    if parked.isEmpty, unsafe completionsReady < queues.completionEntries {
      post(entry)
    } else {
      parked.append(entry)
      unsafe queues.submissionFlags.pointee.store(SLUICE_SQ_CQ_OVERFLOW, ordering: .relaxed)
    }
  }

  /// Plays a receive: puts bytes into the next posted buffer of the group, as many as it has room for, and posts the
  /// completion.
  /// - Returns: how many bytes went in. With no buffer posted, ENOBUFS is completed instead and 0 returned.
  @discardableResult
  func deliver(_ bytes: [UInt8], group: UInt16, userData: UInt64, more: Bool = true) -> Int {
    guard let (count, flags) = groups[group]?.fill(bytes) else {
      complete(userData, result: -Errno.noBufferSpace.rawValue)
      return 0
    }
    complete(userData, result: Int32(count), flags: flags | (more ? SLUICE_CQE_MORE : 0))
    return count
  }

  private func consume(_ count: UInt32) -> UInt32 {
    let head = unsafe queues.submissionHead.pointee.load(ordering: .relaxed)
    let ready = min(count, publishedSubmissions)
    for index in 0..<ready {
      let entry = unsafe queues.submissions[Int((head &+ index) & (queues.submissionEntries - 1))]
      submissions.append(ScriptedSubmission(entry))
    }
    unsafe queues.submissionHead.pointee.store(head &+ ready, ordering: .releasing)
    return ready
  }

  private func post(_ entry: io_uring_cqe) {
    let tail = unsafe queues.completionTail.pointee.load(ordering: .relaxed)
    unsafe queues.completions[Int(tail & (queues.completionEntries - 1))] = entry
    unsafe queues.completionTail.pointee.store(tail &+ 1, ordering: .releasing)
  }

  private func unpark() {
    while !parked.isEmpty, unsafe completionsReady < queues.completionEntries { post(parked.removeFirst()) }
    if parked.isEmpty { unsafe queues.submissionFlags.pointee.store(0, ordering: .relaxed) }
  }
}
