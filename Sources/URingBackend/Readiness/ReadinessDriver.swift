import SystemPackage

/// The ring in user space on top of the operating system: for where io_uring is not allowed. epoll(7).
///
/// Belongs to one thread, the loop's.
@safe
final class ReadinessDriver: RingDriver {
  let features: KernelFeatures
  /// The queues, which the ring owns.
  let queues: RingQueues
  private var ring: UserSpaceRing<EpollSystem>

  /// Makes a ring. The parameters are those of ``KernelDriver``.
  /// - Throws: ``RingError`` without a descriptor or memory.
  init(
    entries: UInt32,
    completionEntries: UInt32,
    features: KernelFeatures = .readiness,
    announcesWork: Bool = false
  ) throws(RingError) {
    guard
      let ring = UserSpaceRing(
        system: try EpollSystem(),
        entries: entries,
        completionEntries: completionEntries,
        announcesWork: announcesWork
      )
    else { throw RingError(reason: .outOfMemory, operation: "mmap", errno: .noMemory) }
    unsafe queues = ring.queues
    self.ring = ring
    self.features = features
  }

  func enter(submit: UInt32, waitFor: UInt32, timeoutNanoseconds: UInt64?) -> Int32 {
    ring.enter(submit: submit, waitFor: waitFor, timeoutNanoseconds: timeoutNanoseconds)
  }

  func register(_ opcode: UInt32, _ argument: UnsafeMutableRawPointer?, _ count: UInt32) -> Int32 {
    // The caller answers for the argument.
    unsafe ring.register(opcode, argument, count)
  }

  func close() {
    ring.close()
  }
}

extension KernelFeatures {
  /// What the readiness driver has: all that is not about the calls of io_uring, or about memory that the kernel reads
  /// later.
  static let readiness = KernelFeatures(
    readiness: [.multishotAccept, .multishotReceive, .incrementalBuffers, .receiveLimit, .multishotReceiveMessage]
  )
}
