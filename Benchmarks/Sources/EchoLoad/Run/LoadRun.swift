import URingBackend

/// One run from start to end: loops and connections, warm-up, the measured phase, and the end.
struct LoadRun {
  let options: Options

  /// Runs to the end, whatever happens on the connections: errors are part of the report.
  ///
  /// - Throws: what prevents a start (no io_uring, no memory, too few descriptors), and the end of standard input with
  ///   `--steps`.
  func run() async throws -> LoadReport {
    try Descriptors.reserve(options.connections)
    let drivers = try await makeDrivers()
    let watching = Task { await watch(drivers) }
    var report = LoadReport(options: options)
    try await phases(drivers, &report)
    watching.cancel()
    if await hasGivenUp(drivers) {
      // What breaks breaks everywhere at once: let the other connections say so too.
      try? await Task.sleep(for: .milliseconds(100))
    }
    for driver in drivers { report.add(await driver.outcome()) }
    await each(drivers) { driver, _ in await driver.tearDown() }
    for driver in drivers { await driver.loop.shutdown() }
    return report
  }

  private func phases(_ drivers: [LoadDriver], _ report: inout LoadReport) async throws {
    await each(drivers) { driver, _ in
      // The driver counts its errors; the report has them.
      try? await driver.openAll()
    }
    if await hasGivenUp(drivers) { return }
    if options.warmupMessages > 0 { await run(.messages(options.warmupMessages), drivers) }
    if await hasGivenUp(drivers) { return }
    try step("warm")
    await hold()

    let before = ProcessorTime.ofProcess()
    let serverBefore = options.serverPid.flatMap { ServerTime.seconds(of: $0) }
    await run(options.limit, drivers)
    report.processTime = .ofProcess() - before
    let serverAfter = options.serverPid.flatMap { ServerTime.seconds(of: $0) }
    if let serverBefore, let serverAfter { report.serverSeconds = serverAfter - serverBefore }
    for driver in drivers { report.add(await driver.outcome().tally) }

    if await hasGivenUp(drivers) { return }
    try step("measured")
    await each(drivers) { driver, _ in await driver.closeAll() }
  }

  private func hasGivenUp(_ drivers: [LoadDriver]) async -> Bool {
    for driver in drivers where await driver.outcome().hasGivenUp { return true }
    return false
  }
}
