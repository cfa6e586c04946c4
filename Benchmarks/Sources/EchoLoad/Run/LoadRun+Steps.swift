import Glibc
import IOBuffers
import Logging
import URingBackend

extension LoadRun {
  /// The loops and what runs on each. Nothing is connected yet.
  func makeDrivers() async throws -> [LoadDriver] {
    var logger = Logger(label: "load")
    logger.logLevel = .warning
    var drivers: [LoadDriver] = []
    for (index, plan) in try LoadPlan.shares(of: options).enumerated() {
      var configuration = EventLoop.Configuration()
      configuration.processor = options.pin.map { $0 + index }
      let loop = try EventLoop.start(configuration, index: index, logger: logger)
      let isExact = await withCheckedContinuation { continuation in
        loop.execute { continuation.resume(returning: TimerSlack.minimize()) }
      }
      if !isExact, options.rate != nil { complain("warning: the timer slack stays; messages may go out 50 us late") }
      drivers.append(try makeDriver(loop, plan))
    }
    return drivers
  }

  private func makeDriver(_ loop: EventLoop, _ plan: LoadPlan) throws(BufferError) -> LoadDriver {
    switch plan.mode {
    case .pingpong, .bulk, .idle: try EchoDriver(loop: loop, plan: plan)
    case .fanout: try FanoutDriver(loop: loop, plan: plan)
    case .churn: try ChurnDriver(loop: loop, plan: plan)
    }
  }

  /// Does the same on all loops at once, each on its own thread.
  func each(_ drivers: [LoadDriver], _ body: @escaping @Sendable (LoadDriver, Int) async -> Void) async {
    await withTaskGroup { group in
      for (index, driver) in drivers.enumerated() {
        group.addTask(executorPreference: driver.loop) { await body(driver, index) }
      }
    }
  }

  /// Runs one phase on all loops. Returns when nothing of it is in flight, or the run is given up.
  func run(_ limit: Quota.Limit, _ drivers: [LoadDriver]) async {
    await each(drivers) { driver, index in await driver.run(limit.share(index: index, among: drivers.count)) }
  }

  /// Idle: nothing is sent for a while.
  func hold() async {
    try? await Task.sleep(for: .seconds(options.holdSeconds))
  }

  /// With --steps: says where the run stands and waits for a line, so that a script can read counters in between.
  func step(_ name: String) throws {
    guard options.steps else { return }
    print("step \(name)")
    fflush(nil)
    guard readLine() != nil else { throw LoadError(.setup, "--steps: no line to go on") }
  }
}
