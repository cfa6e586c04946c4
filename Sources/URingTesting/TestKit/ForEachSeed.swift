internal import Glibc
public import URingBackend

/// Runs a test once for each seed, on a network of its own each time, whose faults are drawn from the seed.
///
/// ```swift
/// try forEachSeed(0..<200) { network in
///   let server = try network.serve { … }
///   let client = try network.connect(to: server)
///   try client.send("hello\n")
///   try #require(try client.receiveLine() == "hello")
/// }
/// ```
///
/// After `body` the network is ended, unless `body` did so itself, and must be clean (``TestNetwork/Report/isClean``). The first
/// seed that fails ends it all, with an error that says which one it is. An expectation that fails without throwing
/// cannot be seen from here: use `#require`, or name the run in the comment, as in `#expect(a == b, "\(network)")`.
///
/// When the variable `SLUICE_SEED` is set, that seed alone is run, whatever `seeds` says, and the error has the last lines
/// of what happened.
///
/// - Parameters:
///   - seeds: which ones. Some hundred find what there is to find in a simple server.
///   - faults: what may go wrong. Unless told, what costs time and nothing else.
///   - configuration: how servers are set up.
///   - body: the test.
/// - Throws: ``SeedFailure``.
public func forEachSeed(
  _ seeds: Range<UInt64>,
  faults: TestNetwork.Faults = .harmless,
  configuration: TCPServer.Configuration = TCPServer.Configuration(),
  _ body: (TestNetwork) throws -> Void
) throws(SeedFailure) {
  if let seed = seedOfEnvironment() {
    try run(seed, faults, configuration, recordsTrace: true, body)
  } else {
    for seed in seeds { try run(seed, faults, configuration, recordsTrace: false, body) }
  }
}

private func run(
  _ seed: UInt64,
  _ faults: TestNetwork.Faults,
  _ configuration: TCPServer.Configuration,
  recordsTrace: Bool,
  _ body: (TestNetwork) throws -> Void
) throws(SeedFailure) {
  var trace: [String] = []
  do {
    let network = try TestNetwork(
      seed: seed,
      faults: faults,
      configuration: configuration,
      recordsTrace: recordsTrace
    )
    defer { trace = network.trace }
    try body(network)
    guard !network.hasEnded else { return }
    let report = try network.end()
    if !report.isClean { throw UncleanEnd(report: report) }
  } catch {
    throw SeedFailure(seed: seed, faults: faults, cause: error, trace: trace.suffix(SeedFailure.traceLines))
  }
}

private func seedOfEnvironment() -> UInt64? {
  // The text is copied before anybody can change the variable: tests do not.
  guard let text = unsafe getenv("SLUICE_SEED") else { return nil }
  return unsafe UInt64(String(cString: text))
}
