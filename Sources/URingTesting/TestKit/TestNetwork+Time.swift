internal import IOBuffers
internal import URingBackend

/// The clock.
extension TestNetwork {
  /// Lets so much time pass, and everything happen that happens by then.
  ///
  /// - Parameter duration: how much simulated time; it takes as much real time as what happens needs to be computed.
  /// - Throws: ``TestNetworkError`` of kind `neverRests` when the program under test does not let time pass.
  public func advance(by duration: Duration) throws(TestNetworkError) {
    try require(for: "advance the clock")
    let end = time(after: duration)
    switch makeTurns(until: end, { false }) {
    case .done, .timeIsUp: break
    case .nothingHappens: system.network.run(until: end)
    case .neverRests: throw TestNetworkError(.neverRests, "advance the clock by \(duration)", situation)
    }
  }

  /// Lets time pass until something is so.
  ///
  /// - Parameters:
  ///   - condition: asked again and again, whenever something may have changed.
  ///   - duration: how much simulated time that may take. ``patience`` unless told.
  /// - Throws: ``TestNetworkError`` of kind `timedOut`; `nothingHappens` when nothing is on its way, and nobody waits for a
  ///   time, so that nothing will change any more; `neverRests`.
  public func run(until condition: () -> Bool, within duration: Duration? = nil) throws(TestNetworkError) {
    let operation = "run until something is so"
    try require(for: operation)
    let limit = duration ?? patience
    try wait(operation, limit, "") { condition() }
  }

  /// Makes turns until something is so.
  func wait(
    _ operation: @autoclosure () -> String,
    _ limit: Duration,
    _ state: @autoclosure () -> String,
    _ isDone: () -> Bool
  ) throws(TestNetworkError) {
    let kind: TestNetworkError.Kind
    switch makeTurns(until: time(after: limit), isPatience: true, isDone) {
    case .done: return
    case .timeIsUp: kind = .timedOut(limit)
    case .nothingHappens: kind = .nothingHappens
    case .neverRests: kind = .neverRests
    }
    let own = state()
    throw TestNetworkError(kind, operation(), own.isEmpty ? situation : "\(own); \(situation)")
  }

  // MARK: Turns

  enum Outcome {
    case done
    case timeIsUp
    /// Nothing is on its way, and nobody waits for a time.
    case nothingHappens
    /// So many turns were made that somebody must run in circles.
    case neverRests
  }

  /// What no call needs by far.
  private static var turnLimit: Int { 1_000_000 }
  /// So many turns in which nothing moves on the network, and no time passes that is worth the name, are a circle.
  private static var idleTurnLimit: Int { 10_000 }

  /// Makes turns until something is so, or until there is nothing more to do before `last`.
  /// - Parameter isPatience: `last` is how long somebody waits, who does not count the time for which the server stood still.
  func makeTurns(until last: UInt64, isPatience: Bool = false, _ isDone: () -> Bool) -> Outcome {
    var end = last
    var lastMove = (turn: 0, event: system.network.eventOrder, time: clock)
    for number in 0..<TestNetwork.turnLimit {
      if isDone() { return .done }
      if system.network.eventOrder != lastMove.event || clock - lastMove.time > 1_000_000_000 {
        lastMove = (number, system.network.eventOrder, clock)
      }
      if number - lastMove.turn > TestNetwork.idleTurnLimit { return .neverRests }
      let limit = min(end, drainDeadline ?? .max)
      system.waitLimit = limit
      let (cuts, stalls) = (system.cutWaits, system.stalledWaits)
      let stoodStill = system.stoodStill
      turn()
      let standstill = system.stoodStill - stoodStill
      if isPatience { end += standstill }
      drainDeadline = drainDeadline.map { $0 + standstill }
      // A wait that was cut short, or would never end: all that was to do is done.
      let isStalled = system.stalledWaits > stalls
      guard isStalled || system.cutWaits > cuts else { continue }
      if isDone() { return .done }
      if isStalled, !hasServed { drainDeadline = nil }
      guard let deadline = drainDeadline, deadline <= end else { return isStalled ? .nothingHappens : .timeIsUp }
      system.network.run(until: deadline)
      drainDeadline = nil
      undrained += stepped.remains.connections
      stepped.abortServed()
    }
    return .neverRests
  }

  /// Something that a stop has to wait for.
  var hasServed: Bool { code.running > 0 || stepped.remains.connections > 0 }

  private func turn() {
    // Closures of foreign memory are put off during the turn only: the thread belongs to the test.
    DeferredReleases.begin()
    isInTurn = true
    stepped.turn()
    isInTurn = false
    DeferredReleases.end()
  }

  private func time(after duration: Duration) -> UInt64 {
    // More than thirty years are for ever, and leave room for what comes after.
    clock + min(TestNetwork.nanoseconds(duration), 1 << 60)
  }

  static func nanoseconds(_ duration: Duration) -> UInt64 {
    guard duration > .zero else { return 0 }
    let (seconds, attoseconds) = duration.components
    let (scaled, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return .max }
    let (sum, carry) = scaled.addingReportingOverflow(UInt64(attoseconds) / 1_000_000_000)
    return carry ? .max : sum
  }
}
