/// What io_uring offers here, what of it is used, and why not the rest.
///
/// A value: probe once, disable what should not be used, and give it to whatever makes rings. Printing it gives a table
/// for logs and bug reports.
public struct KernelFeatures: Sendable, Equatable {
  /// Bit per feature: the probe found it working.
  private(set) var available: UInt32
  /// Bit per feature: switched off by the user.
  private(set) var forcedOff: UInt32 = 0
  /// Bit per feature: it means nothing to the driver, which does without it and loses nothing.
  private(set) var pointless: UInt32 = 0
  /// By feature: the errno value that the probe met, 0 where it met none.
  private(set) var probeErrors: [Int32]

  /// Features that are known without a probe: for drivers that are not the kernel.
  init(assuming features: some Sequence<KernelFeature>) {
    available = features.reduce(0) { $0 | $1.bit }
    probeErrors = Array(repeating: 0, count: KernelFeature.allCases.count)
  }

  /// Those of a driver that has some features, and to which all others mean nothing.
  init(readiness features: some Sequence<KernelFeature>) {
    self.init(assuming: features)
    pointless = KernelFeature.allCases.reduce(0) { $0 | $1.bit } & ~available
  }

  /// Whether a feature is to be used: the probe found it, and nobody switched it off.
  @inline(__always)
  public func has(_ feature: KernelFeature) -> Bool {
    available & ~forcedOff & feature.bit != 0
  }

  /// Whether the probe found the feature working, used or not.
  public func isAvailable(_ feature: KernelFeature) -> Bool {
    available & feature.bit != 0
  }

  /// Whether a feature says something about the driver. To one that waits for readiness, those of io_uring's own calls say
  /// nothing.
  public func applies(_ feature: KernelFeature) -> Bool {
    pointless & feature.bit == 0
  }

  /// The same features with some of them switched off, to run as on an older kernel or to work around a fault.
  ///
  /// What builds on a feature goes with it: without ``KernelFeature/singleIssuer`` there is no
  /// ``KernelFeature/deferTaskRun``, and without ``KernelFeature/multishotReceive`` no ``KernelFeature/receiveLimit``.
  public func disabling(_ features: KernelFeature...) -> KernelFeatures {
    disabling(features)
  }

  /// The same as `disabling(_:)` with a list of arguments, for a set that was computed.
  public func disabling(_ features: some Sequence<KernelFeature>) -> KernelFeatures {
    var result = self
    for feature in features {
      result.forcedOff |= feature.bit
    }
    if result.forcedOff & KernelFeature.singleIssuer.bit != 0 { result.forcedOff |= KernelFeature.deferTaskRun.bit }
    if result.forcedOff & KernelFeature.multishotReceive.bit != 0 { result.forcedOff |= KernelFeature.receiveLimit.bit }
    return result
  }

  /// Notes what the probe of one feature gave: 0 for working, else an errno value.
  mutating func record(_ feature: KernelFeature, error: Int32) {
    if error == 0 { available |= feature.bit } else { available &= ~feature.bit }
    probeErrors[Int(feature.rawValue)] = error
  }
}
