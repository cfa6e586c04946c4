import SystemPackage

/// The ring in user space on top of the operating system: for where io_uring is not allowed. epoll(7).
typealias ReadinessDriver = UserSpaceRing<EpollSystem>

extension ReadinessDriver {
  /// Makes a ring on the calling thread. The parameters are those of ``KernelDriver``.
  /// - Throws: ``RingError`` without a descriptor or memory.
  static func make(
    entries: UInt32,
    completionEntries: UInt32,
    features: KernelFeatures = .readiness,
    announcesWork: Bool = false
  ) throws(RingError) -> ReadinessDriver {
    guard
      let driver = ReadinessDriver(
        system: try EpollSystem(),
        features: features,
        entries: entries,
        completionEntries: completionEntries,
        announcesWork: announcesWork
      )
    else { throw RingError(reason: .outOfMemory, operation: "mmap", errno: .noMemory) }
    return driver
  }
}

extension KernelFeatures {
  /// What the readiness driver has: all that is not about the calls of io_uring, or about memory that the kernel reads
  /// later.
  static let readiness = KernelFeatures(
    readiness: [.multishotAccept, .multishotReceive, .incrementalBuffers, .receiveLimit]
  )
}
