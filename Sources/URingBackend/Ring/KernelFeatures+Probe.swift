import CLiburing
import SystemPackage

extension KernelFeatures {
  /// Finds out what works here, by trying it: small rings on the calling thread, Unix sockets that talk to
  /// themselves, and TCP sockets that are connected to nothing. Takes milliseconds, uses no network, and leaves nothing open.
  /// - Throws: ``RingError`` where io_uring cannot be used at all, with the likely cause.
  public static func probe() throws(RingError) -> KernelFeatures {
    var features = KernelFeatures(assuming: [])
    try probeSetup(&features)
    let driver = try KernelDriver(entries: 8, completionEntries: 16, features: features)
    let probe = FeatureProbe(driver: driver)
    try probe.probeReceive()
    try probe.probeReceiveMessage()
    try probe.probeAccept()
    try probe.probeZeroCopySend()
    return probe.finish()
  }

  /// What is decided when a ring is made, or by its descriptor alone.
  private static func probeSetup(_ features: inout KernelFeatures) throws(RingError) {
    var parameters = io_uring_params()
    let plain = setup(0, &parameters)
    guard plain >= 0 else { throw RingError.diagnose(errno: -plain, operation: "io_uring_setup") }
    let ring = FileDescriptor(rawValue: plain)
    defer { try? ring.close() }
    // Without EXT_ARG a wait has no timeout, without NODROP completions get lost: both are older than 6.1.
    guard parameters.features & SLUICE_FEATURE_EXT_ARG != 0, parameters.features & SLUICE_FEATURE_NODROP != 0 else {
      throw RingError(reason: .kernelTooOld, operation: "io_uring_setup")
    }

    features.record(.singleIssuer, error: trySetup(SLUICE_SETUP_SINGLE_ISSUER))
    features.record(.cooperativeTaskRun, error: trySetup(SLUICE_SETUP_COOP_TASKRUN))
    features.record(.deferTaskRun, error: trySetup(SLUICE_SETUP_SINGLE_ISSUER | SLUICE_SETUP_DEFER_TASKRUN))
    features.record(.registeredRing, error: tryRegisteredRing(ring))

    let entered = io_uring_enter2(
      UInt32(bitPattern: plain),
      0,
      0,
      SLUICE_ENTER_GETEVENTS | SLUICE_ENTER_NO_IOWAIT,
      nil,
      0
    )
    let hasNoIOWait = entered >= 0 && parameters.features & SLUICE_FEATURE_NO_IOWAIT != 0
    features.record(.noIOWait, error: hasNoIOWait ? 0 : entered < 0 ? -entered : Errno.invalidArgument.rawValue)
  }

  private static func setup(_ flags: UInt32, _ parameters: inout io_uring_params) -> Int32 {
    parameters = io_uring_params()
    parameters.flags = flags | SLUICE_SETUP_CLAMP | SLUICE_SETUP_CQSIZE | SLUICE_SETUP_SUBMIT_ALL
    parameters.cq_entries = 16
    // Fills the variable. The queues are never mapped.
    return unsafe io_uring_setup(8, &parameters)
  }

  /// 0 if a ring can be made with these flags, else the errno value.
  private static func trySetup(_ flags: UInt32) -> Int32 {
    var parameters = io_uring_params()
    let result = setup(flags, &parameters)
    guard result >= 0 else { return -result }
    try? FileDescriptor(rawValue: result).close()
    return 0
  }

  /// 0 if the ring can be named by an index, else the errno value.
  private static func tryRegisteredRing(_ ring: FileDescriptor) -> Int32 {
    let index = RegisteredRing.register(ring.rawValue)
    guard index >= 0 else { return -index }
    RegisteredRing.unregister(ring.rawValue, index: index)
    return 0
  }
}
