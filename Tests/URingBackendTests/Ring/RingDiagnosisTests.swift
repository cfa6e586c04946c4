import SystemPackage
import Testing

@testable import URingBackend

/// From what the kernel answers, and what is known about the process, to a cause and an advice.
struct RingDiagnosisTests {
  private static let open = RingEnvironment(disabledSwitch: "0\n", seccompMode: 0, memoryLockLimit: 8 << 20)

  private static func environment(
    disabled: String? = "0\n",
    seccomp: Int? = 0,
    limit: UInt64? = 8 << 20
  ) -> RingEnvironment {
    RingEnvironment(disabledSwitch: disabled, seccompMode: seccomp, memoryLockLimit: limit)
  }

  static let cases: [(Errno, RingEnvironment, RingError.Reason)] = [
    (.notPermitted, environment(disabled: "2\n"), .disabledBySysctl(value: 2)),
    (.notPermitted, environment(disabled: "1"), .disabledBySysctl(value: 1)),
    // The switch refuses whatever the filter says.
    (.notPermitted, environment(disabled: "2\n", seccomp: 2), .disabledBySysctl(value: 2)),
    (.notPermitted, environment(seccomp: 2), .blockedBySeccomp),
    (.permissionDenied, environment(disabled: nil, seccomp: 2), .blockedBySeccomp),
    (.notPermitted, environment(), .system(.notPermitted)),
    (.notPermitted, environment(disabled: "nonsense", seccomp: nil), .system(.notPermitted)),
    (.noFunction, environment(disabled: nil), .kernelTooOld),
    (.noFunction, environment(disabled: nil, seccomp: 2), .blockedBySeccomp),
    (.notSupportedOnSocket, environment(seccomp: 2), .blockedBySeccomp),
    (.notSupportedOnSocket, environment(), .system(.notSupportedOnSocket)),
    (.invalidArgument, environment(seccomp: 2), .kernelTooOld),
    (.noMemory, environment(limit: 65_536), .memoryLockLimit(bytes: 65_536)),
    (.noMemory, environment(limit: nil), .outOfMemory),
    (.tooManyOpenFiles, environment(), .descriptorLimit),
    (.tooManyOpenFilesInSystem, environment(), .descriptorLimit),
    (.fileExists, environment(), .wrongThread),
    (.badAddress, environment(), .system(.badAddress)),
  ]

  @Test(arguments: cases)
  func aCauseIsFoundForEachError(errno: Errno, environment: RingEnvironment, reason: RingError.Reason) {
    let error = RingError.diagnose(errno: errno.rawValue, operation: "io_uring_setup", environment: environment)
    #expect(error.reason == reason && error.errno == errno)
    #expect(error.description.hasPrefix("io_uring_setup failed (\(errno)): "))
  }

  @Test(arguments: [
    (RingError.Reason.disabledBySysctl(value: 1), "kernel.io_uring_group"), (.disabledBySysctl(value: 2), "sysctl"),
    (.blockedBySeccomp, "seccomp"), (.kernelTooOld, "6.1"), (.memoryLockLimit(bytes: 8192), "8192 bytes"),
    (.outOfMemory, "cgroup"), (.descriptorLimit, "RLIMIT_NOFILE"), (.wrongThread, "thread"),
    (.completionsLost, "close it"), (.setting("X is 1, and must be 2."), "must be 2"),
    (.system(.ioError), "not one of"),
  ])
  func everyCauseComesWithAdvice(reason: RingError.Reason, word: String) {
    let text = RingError(reason: reason, operation: "io_uring_setup").description
    #expect(text.contains(word) && !text.contains("\n"))
  }

  @Test func otherCallsAreDiagnosedByTheirErrorAlone() {
    #expect(RingError(system: .tooManyOpenFiles, operation: "eventfd").reason == .descriptorLimit)
    #expect(RingError(system: .noMemory, operation: "eventfd").reason == .outOfMemory)
    // EINVAL of another call says nothing about the kernel's age.
    #expect(RingError(system: .invalidArgument, operation: "eventfd").reason == .system(.invalidArgument))
  }

  @Test func theFilesOfProcAreUnderstood() {
    #expect(RingEnvironment.seccompMode(inStatus: "Name:\tx\nNoNewPrivs:\t0\nSeccomp:\t2\nSeccomp_filters:\t1\n") == 2)
    #expect(RingEnvironment.seccompMode(inStatus: "Name:\tx\nSeccomp_filters:\t1\n") == nil)
    #expect(RingEnvironment.seccompMode(inStatus: "Seccomp:\n") == nil)
    let limits = """
      Limit                     Soft Limit           Hard Limit           Units
      Max open files            1024                 4096                 files
      Max locked memory         8388608              unlimited            bytes
      """
    #expect(RingEnvironment.memoryLockLimit(inLimits: limits) == 8_388_608)
    #expect(RingEnvironment.memoryLockLimit(inLimits: "Max locked memory   unlimited  unlimited  bytes") == nil)
    #expect(RingEnvironment.memoryLockLimit(inLimits: "") == nil)
  }

  @Test func thisProcessCanBeDescribed() {
    let environment = RingEnvironment.current()
    #expect(environment.seccompMode != nil)
  }

  @Test(.needsIOUring) func aQueueSizeThatTheKernelCannotGiveIsRoundedNotRefused() throws {
    let features = try KernelFeatures.here.get()
    let driver = try KernelDriver(entries: 3, completionEntries: 5, features: features)
    #expect(unsafe driver.queues.submissionEntries == 4 && driver.queues.completionEntries == 8)
  }
}
