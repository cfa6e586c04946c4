internal import Glibc
internal import Logging
internal import SystemPackage

extension EventLoop {
  /// What carries out the operations of a loop.
  ///
  /// Everything above is the same, byte for byte. The environment variable `SLUICE_DRIVER` with one of these names decides
  /// where the configuration says ``automatic``.
  public enum Driver: String, CaseIterable, Sendable {
    /// io_uring where it can be set up; otherwise, whatever the reason, ``readiness``. What was chosen, and why, is logged
    /// once, at notice level.
    case automatic
    /// io_uring, or the start fails.
    case ioUring
    /// epoll(7): a system call or two for each message, and no privilege. For containers that refuse io_uring.
    case readiness
  }
}

/// Which driver runs here, and why.
public struct DriverSelection: Sendable, CustomStringConvertible {
  /// ``EventLoop/Driver/ioUring`` or ``EventLoop/Driver/readiness``.
  public private(set) var driver: EventLoop.Driver
  /// What it can do.
  public private(set) var features: KernelFeatures
  /// Why it is not io_uring, where that was tried.
  public private(set) var refusal: RingError?
  /// What had been asked for, and where.
  private let origin: Origin

  private enum Origin: Sendable {
    case configuration
    case environment
    case nobody
  }

  /// The name of the environment variable.
  static let variable = "SLUICE_DRIVER"

  /// Chooses, by trying: see `KernelFeatures.probe()`.
  /// - Parameter wanted: what the configuration says. ``EventLoop/Driver/automatic`` leaves it to the environment
  ///   variable, and that to what is there.
  /// - Throws: `RingError` where io_uring is wanted and cannot be used, or the variable names no driver.
  public init(_ wanted: EventLoop.Driver = .automatic) throws(RingError) {
    // The string is the C library's, and copied at once.
    let text = unsafe getenv(Self.variable).map { unsafe String(cString: $0) }
    try self.init(wanted, environment: text)
  }

  /// The same with the variable's text.
  init(
    _ wanted: EventLoop.Driver,
    environment: String?,
    probe: () throws(RingError) -> KernelFeatures = KernelFeatures.probe
  ) throws(RingError) {
    var wanted = wanted
    if wanted != .automatic {
      origin = .configuration
    } else if let environment, !environment.isEmpty {
      guard let named = EventLoop.Driver(rawValue: environment) else {
        let names = EventLoop.Driver.allCases.map(\.rawValue).joined(separator: ", ")
        throw RingError(
          reason: .setting("\(Self.variable) is '\(environment)', and must be one of \(names)."),
          operation: "choosing a driver"
        )
      }
      wanted = named
      origin = named == .automatic ? .nobody : .environment
    } else {
      origin = .nobody
    }
    if wanted == .readiness {
      driver = .readiness
      features = .readiness
      return
    }
    do throws(RingError) {
      features = try probe()
      driver = .ioUring
    } catch {
      guard wanted == .automatic else { throw error }
      driver = .readiness
      features = .readiness
      refusal = error
    }
  }

  /// Switches some features off: see ``KernelFeatures/disabling(_:)-(Sequence<KernelFeature>)``.
  public mutating func disable(_ disabled: some Sequence<KernelFeature>) {
    features = features.disabling(disabled)
  }

  /// Takes epoll, where io_uring could not be set up after all and nobody asked for it.
  /// - Returns: whether there is another driver to try.
  mutating func fallBack(after error: RingError) -> Bool {
    guard driver == .ioUring, origin == .nobody else { return false }
    driver = .readiness
    features = .readiness
    refusal = error
    return true
  }

  typealias MakeKernelDriver = (
    _ entries: UInt32, _ completionEntries: UInt32, _ features: KernelFeatures, _ announcesWork: Bool
  ) throws(RingError) -> KernelDriver

  /// Makes the driver. Where nobody asked for io_uring and the queues cannot be had, the other one takes its place.
  /// - Parameter kernelDriver: the seam for tests.
  mutating func makeDriver(
    entries: UInt32,
    completionEntries: UInt32,
    disabled: [KernelFeature],
    announcesWork: Bool,
    kernelDriver: MakeKernelDriver = KernelDriver.init(entries:completionEntries:features:announcesWork:)
  ) throws(RingError) -> any RingDriver {
    disable(disabled)
    if driver == .ioUring {
      do throws(RingError) {
        return try kernelDriver(entries, completionEntries, features, announcesWork)
      } catch {
        guard fallBack(after: error) else { throw error }
        disable(disabled)
      }
    }
    return try ReadinessDriver(
      entries: entries,
      completionEntries: completionEntries,
      features: features,
      announcesWork: announcesWork
    )
  }

  /// Which driver, why, and how to have the other one: one line.
  public var description: String {
    let other =
      switch driver {
      case .ioUring: "For epoll: driver .readiness, or \(Self.variable)=readiness."
      default: "For io_uring or an error: driver .ioUring, or \(Self.variable)=ioUring."
      }
    let name = driver == .ioUring ? "io_uring" : "epoll"
    switch origin {
    case .configuration: return "\(name), as configured"
    case .environment: return "\(name), as \(Self.variable) says"
    case .nobody: return "\(name), \(refusal.map { "because \($0)" } ?? "because it can be used here.") \(other)"
    }
  }

  /// Whether io_uring was refused for a reason that may hold for one loop of a group, and not for the others.
  var isShortage: Bool {
    switch refusal?.reason {
    case .memoryLockLimit, .outOfMemory, .descriptorLimit: true
    default: false
    }
  }

  /// - Parameter index: of the loop. One with another number than 0 speaks for itself alone.
  func log(to logger: Logger?, index: Int) {
    let name = driver == .ioUring ? "io_uring" : "epoll"
    let subject = index == 0 ? "the loops are" : "loop \(index) is"
    logger?.notice("\(subject) driven by \(name)", metadata: ["why": "\(self)"])
  }
}
