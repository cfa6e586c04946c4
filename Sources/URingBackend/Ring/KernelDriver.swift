import CLiburing
import SystemPackage
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// io_uring itself, through liburing for the set-up of the queues and for the calls.
///
/// Must be created, used and closed on one thread, the loop's: with ``KernelFeature/singleIssuer`` the kernel refuses
/// any other with EEXIST, and it cancels what a thread submitted when that thread exits.
@safe
final class KernelDriver: RingDriver {
  // Why the pointers hold: `ring`, the queues behind it and the scratch page are made together in `init` and given back
  // together in `close`, once: `isClosed` guards every use. One thread uses them.
  let queues: RingQueues
  let features: KernelFeatures

  /// liburing's handle. On the heap because the kernel side of liburing keeps no pointer to it, but we need a stable
  /// address for calls that change it.
  private let ring: UnsafeMutablePointer<io_uring>
  private let scratch: DriverScratch
  private let waitFlags: UInt32
  private let pollFlags: UInt32
  private let descriptor: UInt32
  private let isRegistered: Bool
  private let owner: pthread_t
  private var isClosed = false

  /// Makes a ring.
  /// - Parameters:
  ///   - entries: submission entries; rounded up to a power of two, and down to what the kernel allows (32768).
  ///   - completionEntries: completion entries; at least twice as many are sensible when operations are multishot.
  ///   - features: what may be used, from ``KernelFeatures/probe()``.
  ///   - announcesWork: the kernel says in the queue when a call would post completions, for a loop that spins
  ///     (`IORING_SETUP_TASKRUN_FLAG`).
  /// - Throws: ``RingError`` with the likely cause. io_uring_setup(2).
  init(
    entries: UInt32,
    completionEntries: UInt32,
    features: KernelFeatures,
    announcesWork: Bool = false
  ) throws(RingError) {
    guard let scratch = unsafe DriverScratch() else {
      throw RingError(reason: .outOfMemory, operation: "mmap", errno: .noMemory)
    }
    let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
    unsafe ring.initialize(to: io_uring())
    var parameters = io_uring_params()
    parameters.flags = Self.setupFlags(features, announcesWork: announcesWork)
    parameters.cq_entries = max(completionEntries, entries)
    // Fills the handle, and the parameters in the variable; on a failure the handle is nothing that must be given back.
    let result = unsafe io_uring_queue_init_params(max(entries, 1), ring, &parameters)
    guard result == 0, let queues = unsafe RingQueues(ring.pointee, ownerMark: scratch.ownerMark) else {
      if result == 0 { unsafe io_uring_queue_exit(ring) }
      unsafe ring.deallocate()
      unsafe scratch.unmap()
      throw RingError.diagnose(errno: result == 0 ? Errno.noMemory.rawValue : -result, operation: "io_uring_setup")
    }
    _ = Self.handOvers.load(ordering: .acquiring)
    // A child process must not be able to publish submissions into its parent's queues. Fails only on kernels without
    // MADV_DONTFORK, which have no io_uring either.
    _ = unsafe io_uring_ring_dontfork(ring)

    // An index that is valid on this thread only saves a reference count on the descriptor in each call.
    let ringDescriptor = unsafe ring.pointee.ring_fd
    let index = features.has(.registeredRing) ? RegisteredRing.register(ringDescriptor) : -1
    isRegistered = index >= 0
    unsafe self.queues = queues
    self.features = features
    unsafe self.ring = ring
    unsafe self.scratch = scratch
    descriptor = UInt32(bitPattern: index >= 0 ? index : ringDescriptor)
    owner = pthread_self()
    let ringFlag = isRegistered ? SLUICE_ENTER_REGISTERED_RING : 0
    // With DEFER_TASKRUN completions are posted only in a call that asks for events; without it, asking costs nothing.
    pollFlags = ringFlag | SLUICE_ENTER_GETEVENTS
    waitFlags = pollFlags | SLUICE_ENTER_EXT_ARG | (features.has(.noIOWait) ? SLUICE_ENTER_NO_IOWAIT : 0)
  }

  deinit {
    close()
  }

  func enter(submit: UInt32, waitFor: UInt32, timeoutNanoseconds: UInt64?) -> Int32 {
    guard !isClosed else { return -Errno.badFileDescriptor.rawValue }
    // On another thread the same index is nothing, or a ring of that thread: the kernel's own check would come too
    // late.
    guard !isRegistered || pthread_self() == owner else { return -Errno.fileExists.rawValue }
    if waitFor == 0 {
      return io_uring_enter2(descriptor, submit, 0, pollFlags, nil, 0)
    }
    // The argument is in the scratch page, of the size that is passed, and read by the kernel before the call returns.
    unsafe scratch.setTimeout(timeoutNanoseconds)
    return unsafe io_uring_enter2(
      descriptor,
      submit,
      waitFor,
      waitFlags,
      scratch.argument,
      MemoryLayout<io_uring_getevents_arg>.size
    )
  }

  func register(_ opcode: UInt32, _ argument: UnsafeMutableRawPointer?, _ count: UInt32) -> Int32 {
    guard !isClosed else { return -Errno.badFileDescriptor.rawValue }
    // The caller answers for the argument. Through the descriptor always: a registered ring in io_uring_register(2) is younger than the one in enter.
    return unsafe io_uring_register(UInt32(bitPattern: ring.pointee.ring_fd), opcode, argument, count)
  }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    // On another thread the index stays until the owning thread ends, and keeps the ring alive so long.
    if isRegistered, pthread_self() == owner {
      unsafe RegisteredRing.unregister(ring.pointee.ring_fd, index: Int32(bitPattern: descriptor))
    }
    Self.handOvers.wrappingAdd(1, ordering: .releasing)
    unsafe io_uring_queue_exit(ring)
    unsafe ring.deallocate()
    unsafe scratch.unmap()
  }

  /// Orders the end of one ring before the beginning of the next, which may get the same addresses on another thread.
  /// The kernel orders them anyway; but liburing maps and unmaps without the C library, unseen by the thread sanitizer,
  /// which then takes the two rings for one.
  private static let handOvers = Atomic<Int>(0)

  /// The flags for io_uring_setup(2).
  private static func setupFlags(_ features: KernelFeatures, announcesWork: Bool) -> UInt32 {
    // CLAMP: too large a wish gives the largest queue instead of an error. SUBMIT_ALL: one bad entry fails alone, with
    // a completion of its own, and does not keep those behind it from being submitted in the same call.
    var flags = SLUICE_SETUP_CLAMP | SLUICE_SETUP_CQSIZE | SLUICE_SETUP_SUBMIT_ALL
    if features.has(.singleIssuer) { flags |= SLUICE_SETUP_SINGLE_ISSUER }
    if features.has(.deferTaskRun), features.has(.singleIssuer) {
      flags |= SLUICE_SETUP_DEFER_TASKRUN
    } else if features.has(.cooperativeTaskRun) {
      flags |= SLUICE_SETUP_COOP_TASKRUN
    } else {
      // Completions come by themselves; there is nothing to announce.
      return flags
    }
    if announcesWork { flags |= SLUICE_SETUP_TASKRUN_FLAG }
    return flags
  }
}
