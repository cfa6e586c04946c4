import Logging
import SystemPackage
import Testing

@testable import URingBackend

/// Which driver is chosen, and what is said about it.
struct DriverSelectionTests {
  /// Everything that a set-up can meet: known causes, and one that nobody has thought of.
  static let refusals: [RingError] = [
    RingError(reason: .disabledBySysctl(value: 1), operation: "io_uring_setup", errno: .notPermitted),
    RingError(reason: .disabledBySysctl(value: 2), operation: "io_uring_setup", errno: .notPermitted),
    RingError(reason: .blockedBySeccomp, operation: "io_uring_setup", errno: .notPermitted),
    RingError(reason: .blockedBySeccomp, operation: "io_uring_setup", errno: .noFunction),
    RingError(reason: .blockedBySeccomp, operation: "io_uring_register", errno: .permissionDenied),
    RingError(reason: .blockedBySeccomp, operation: "io_uring_enter", errno: .notSupportedOnSocket),
    RingError(reason: .kernelTooOld, operation: "io_uring_setup", errno: .noFunction),
    RingError(reason: .kernelTooOld, operation: "IORING_REGISTER_PBUF_RING", errno: .invalidArgument),
    RingError(reason: .memoryLockLimit(bytes: 65_536), operation: "io_uring_setup", errno: .noMemory),
    RingError(reason: .outOfMemory, operation: "io_uring_setup", errno: .noMemory),
    RingError(reason: .descriptorLimit, operation: "io_uring_setup", errno: .tooManyOpenFiles),
    RingError(reason: .system(.badAddress), operation: "io_uring_setup", errno: .badAddress),
    RingError(reason: .system(Errno(rawValue: 4000)), operation: "io_uring_setup", errno: Errno(rawValue: 4000)),
  ]

  static let kernel = KernelFeatures(assuming: KernelFeature.allCases)

  private func refused(
    _ wanted: EventLoop.Driver,
    environment: String?,
    by error: RingError
  ) throws(RingError) -> DriverSelection {
    try DriverSelection(wanted, environment: environment) { () throws(RingError) in throw error }
  }

  private func allowed(_ wanted: EventLoop.Driver, environment: String?) throws(RingError) -> DriverSelection {
    try DriverSelection(wanted, environment: environment) { () throws(RingError) in Self.kernel }
  }

  @Test(arguments: refusals, [nil, "", "automatic"])
  func whereNobodyAskedEveryRefusalLeadsToEpollAndIsTold(error: RingError, environment: String?) throws {
    let selection = try refused(.automatic, environment: environment, by: error)
    #expect(selection.driver == .readiness && selection.features == .readiness && selection.refusal == error)
    #expect(selection.description.hasPrefix("epoll, because \(error)"))
    #expect(selection.description.hasSuffix("For io_uring or an error: driver .ioUring, or SLUICE_DRIVER=ioUring."))
    #expect(!selection.description.contains("\n"))
  }

  @Test(arguments: refusals)
  func whoAskedForIOUringHasItOrTheError(error: RingError) {
    #expect(throws: error) { try refused(.ioUring, environment: nil, by: error) }
    #expect(throws: error) { try refused(.ioUring, environment: "readiness", by: error) }
    #expect(throws: error) { try refused(.automatic, environment: "ioUring", by: error) }
  }

  @Test(arguments: [nil, "", "automatic"])
  func whereIOUringWorksItIsTaken(environment: String?) throws {
    let selection = try allowed(.automatic, environment: environment)
    #expect(selection.driver == .ioUring && selection.features == Self.kernel && selection.refusal == nil)
    #expect(selection.description.hasPrefix("io_uring, because it can be used here."))
    #expect(selection.description.hasSuffix("For epoll: driver .readiness, or SLUICE_DRIVER=readiness."))
  }

  @Test(arguments: [
    (EventLoop.Driver.ioUring, String?.none, EventLoop.Driver.ioUring, "io_uring, as configured"),
    (.ioUring, "readiness", .ioUring, "io_uring, as configured"),
    (.ioUring, "fast", .ioUring, "io_uring, as configured"),
    (.readiness, nil, .readiness, "epoll, as configured"), (.readiness, "ioUring", .readiness, "epoll, as configured"),
    (.readiness, "fast", .readiness, "epoll, as configured"),
    (.automatic, "ioUring", .ioUring, "io_uring, as SLUICE_DRIVER says"),
    (.automatic, "readiness", .readiness, "epoll, as SLUICE_DRIVER says"),
  ])
  func theConfigurationWinsOverTheVariable(
    wanted: EventLoop.Driver,
    environment: String?,
    driver: EventLoop.Driver,
    description: String
  ) throws {
    let selection = try allowed(wanted, environment: environment)
    #expect(selection.driver == driver && selection.description == description)
  }

  /// A probe that a filter answers with a signal would end the process.
  @Test(arguments: [(EventLoop.Driver.readiness, String?.none), (.automatic, "readiness")])
  func whoAskedForEpollCausesNoCallOfIOUring(wanted: EventLoop.Driver, environment: String?) throws {
    var probes = 0
    let selection = try DriverSelection(wanted, environment: environment) { () throws(RingError) in
      probes += 1
      return Self.kernel
    }
    #expect(probes == 0 && selection.driver == .readiness)
  }

  @Test(arguments: ["fast", "iouring", "IOURING", "epoll", " readiness", "readiness "])
  func aVariableThatNamesNoDriverIsAnErrorThatNamesThemAll(environment: String) {
    let error = #expect(throws: RingError.self) { try allowed(.automatic, environment: environment) }
    let text = "SLUICE_DRIVER is '\(environment)', and must be one of automatic, ioUring, readiness."
    #expect(error?.description == "choosing a driver failed: \(text)")
  }

  /// What refuses one loop refuses all of them, save shortages: one line is enough for the former alone.
  @Test(arguments: refusals)
  func aShortageIsToldByEachLoopThatMeetsIt(error: RingError) throws {
    let isShortage =
      switch error.reason {
      case .memoryLockLimit, .outOfMemory, .descriptorLimit: true
      default: false
      }
    #expect(try refused(.automatic, environment: nil, by: error).isShortage == isShortage)
    #expect(try !allowed(.automatic, environment: nil).isShortage)
  }

  // MARK: The driver itself

  private func refused(_ selection: inout DriverSelection, by error: RingError) throws(RingError) -> any RingDriver {
    try selection.makeDriver(entries: 8, completionEntries: 16, disabled: [.receiveLimit], announcesWork: false) {
      (_, _, _, _) throws(RingError) in throw error
    }
  }

  @Test(arguments: refusals)
  func whereTheProbeSucceedsAndTheQueuesCannotBeHadEpollTakesTheirPlace(error: RingError) throws {
    var selection = try allowed(.automatic, environment: nil)
    let driver = try refused(&selection, by: error)
    defer { driver.close() }
    #expect(driver is ReadinessDriver && selection.driver == .readiness && selection.refusal == error)
    #expect(driver.features == .readiness.disabling(.receiveLimit) && driver.features == selection.features)
    #expect(selection.description.hasPrefix("epoll, because \(error)"))
  }

  @Test(arguments: refusals)
  func whereIOUringWasAskedForQueuesThatCannotBeHadAreAnError(error: RingError) throws {
    for (wanted, environment) in [(EventLoop.Driver.ioUring, nil), (.automatic, "ioUring")] {
      var selection = try allowed(wanted, environment: environment)
      #expect(throws: error) { try refused(&selection, by: error) }
      #expect(selection.driver == .ioUring)
    }
  }

  @Test(.needsIOUring) func whereBothAreThereEachCanBeHad() throws {
    for (wanted, isKernel) in [(EventLoop.Driver.ioUring, true), (.readiness, false)] {
      var selection = try DriverSelection(wanted)
      let driver = try selection.makeDriver(
        entries: 8,
        completionEntries: 16,
        disabled: [],
        announcesWork: false
      )
      #expect((driver is KernelDriver) == isKernel && (driver is ReadinessDriver) == !isKernel)
      driver.close()
    }
  }

  // MARK: A loop

  /// The buffer rings are charged to the same limit as the queues, and may be what does not fit.
  private static let shortage = RingError(
    reason: .memoryLockLimit(bytes: 245_760),
    operation: "io_uring_register (IORING_REGISTER_PBUF_RING)",
    errno: .noMemory
  )

  /// A loop whose client cannot be had on io_uring.
  private func start(_ driver: EventLoop.Driver, index: Int, log: RecordedLog) throws -> EventLoop {
    var configuration = EventLoop.Configuration()
    configuration.driver = driver
    return try EventLoop.start(configuration, index: index, logger: log.logger) { loop, _ throws(RingError) in
      if loop.features.applies(.singleIssuer) { throw Self.shortage }
      return LoopClient()
    }
  }

  @Test(
    .needsIOUring,
    .enabled { try DriverSelection().description.contains("because it can be used here") },
    arguments: [0, 3]
  )
  func aLoopWhoseBufferRingsDoNotFitRunsOnEpollAndSaysSo(index: Int) async throws {
    let log = RecordedLog()
    let loop = try start(.automatic, index: index, log: log)
    #expect(loop.features == .readiness)
    let subject = index == 0 ? "the loops are" : "loop 3 is"
    #expect(log.count(containing: "\(subject) driven by epoll") == 1)
    #expect(log.count(containing: "because \(Self.shortage)") == 1 && log.count(atLeast: .notice) == 1)
    await loop.shutdown()
  }

  @Test(.needsIOUring) func whoAskedForIOUringGetsTheErrorOfTheBufferRings() {
    #expect(throws: Self.shortage) { try start(.ioUring, index: 0, log: RecordedLog()) }
  }
}
