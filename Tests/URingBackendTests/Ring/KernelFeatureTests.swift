import CLiburing
import SystemPackage
import Testing

@testable import URingBackend

/// What a probe's result says, and what switching features off does to it.
struct KernelFeatureTests {
  @Test(.needsIOUring) func theProbeIsQuickAndAlwaysSaysTheSame() throws {
    let first = try KernelFeatures.probe()
    let start = ContinuousClock.now
    for _ in 0..<20 { #expect(try KernelFeatures.probe() == first) }
    // A tenth of a second for one would already be noticed at a start. It takes well below a millisecond.
    #expect(start.duration(to: .now) < .seconds(2))
  }

  @Test(
    .needsIOUring,
    arguments: [
      (OldKernelDriver.Fault.refusesMultishotAccept, [KernelFeature.multishotAccept]),
      (.refusesMultishotReceive, [.multishotReceive, .receiveLimit]), (.refusesReceiveLimit, [.receiveLimit]),
      (.ignoresReceiveLimit, [.receiveLimit]), (.refusesIncrementalBuffers, [.incrementalBuffers]),
      (.ignoresIncrementalBuffers, [.incrementalBuffers]),
      (.reordersCompletions, [.incrementalBuffers, .zeroCopySend]),
      (.refusesZeroCopySend, [.zeroCopySend]), (.refusesVectoredZeroCopySend, [.zeroCopySend]),
      (.refusesUsageReport, [.zeroCopySend]),
    ]
  )
  func theProbeFindsOutWhatAnOlderKernelLacksAndNothingElse(
    fault: OldKernelDriver.Fault,
    missing: [KernelFeature]
  ) throws {
    let here = try KernelFeatures.here.get()
    let driver = try KernelDriver(entries: 8, completionEntries: 16, features: here)
    let probe = FeatureProbe(driver: OldKernelDriver(driver, faults: [fault]))
    try probe.probeReceive()
    try probe.probeAccept()
    try probe.probeZeroCopySend()
    let found = probe.finish()
    for feature in KernelFeature.allCases {
      #expect(found.has(feature) == (here.has(feature) && !missing.contains(feature)), "\(feature)")
      #expect((found.probeError(feature) != nil) == !found.has(feature), "\(feature)")
    }
  }

  @Test func aKernelWithoutProvidedBuffersIsTooOld() throws {
    let driver = ScriptedDriver()
    driver.registerResults[SLUICE_REGISTER_PBUF_RING] = -Errno.invalidArgument.rawValue
    let error = #expect(throws: RingError.self) { try FeatureProbe(driver: driver).probeReceive() }
    #expect(error?.reason == .kernelTooOld)
    #expect(driver.isClosed)
  }

  @Test(.needsIOUring) func whatLinux61HasIsFound() throws {
    let features = try KernelFeatures.here.get()
    for feature in KernelFeature.allCases where !KernelFeatures.linux61.contains(feature) {
      #expect(features.has(feature), "\(feature): \(String(describing: features.probeError(feature)))")
    }
  }

  @Test func aFeatureThatIsSwitchedOffIsThereButNotUsed() {
    let all = KernelFeatures(assuming: KernelFeature.allCases)
    for feature in KernelFeature.allCases {
      let without = all.disabling(feature)
      #expect(!without.has(feature) && without.isAvailable(feature))
    }
    #expect(all.disabling(KernelFeature.allCases).description.contains("forced off"))
  }

  @Test func whatBuildsOnAFeatureGoesWithIt() {
    let all = KernelFeatures(assuming: KernelFeature.allCases)
    #expect(!all.disabling(.singleIssuer).has(.deferTaskRun))
    #expect(!all.disabling(.multishotReceive).has(.receiveLimit))
    // And the other way round it does not.
    #expect(all.disabling(.deferTaskRun).has(.singleIssuer))
    #expect(all.disabling(.receiveLimit).has(.multishotReceive))
  }

  @Test func switchingOffWhatIsNotThereChangesNothing() {
    let none = KernelFeatures(assuming: [])
    for feature in KernelFeature.allCases { #expect(!none.disabling(feature).has(feature)) }
  }

  @Test func theTableSaysWhatIsUsedAndWhyNot() {
    var features = KernelFeatures(assuming: [.singleIssuer, .noIOWait])
    features.record(.incrementalBuffers, error: Errno.invalidArgument.rawValue)
    features = features.disabling(.noIOWait)
    let lines = features.description.split(separator: "\n")
    #expect(lines.count == KernelFeature.allCases.count + 1)
    func line(_ feature: KernelFeature) -> String { String(lines.first { $0.hasPrefix("\(feature)") } ?? "") }
    #expect(line(.singleIssuer).contains("yes        yes"))
    #expect(line(.incrementalBuffers).contains("Invalid argument"))
    #expect(line(.incrementalBuffers).contains("one smaller buffer for each receive"))
    #expect(line(.noIOWait).contains("forced off"))
    #expect(line(.multishotAccept).contains("not there"))
    #expect(features.probeError(.incrementalBuffers) == .invalidArgument)
    #expect(features.probeError(.singleIssuer) == nil)
  }

  @Test(arguments: KernelFeature.allCases)
  func everyFeatureNamesItsKernelAndItsFallback(feature: KernelFeature) {
    #expect(feature.since.contains(".") && !feature.fallback.isEmpty)
  }
}
