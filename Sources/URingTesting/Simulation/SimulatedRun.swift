internal import IOBuffers
package import URingBackend

/// One run of a workload: a function of the workload and of the choices.
package struct SimulatedRun {
  /// What came of it.
  package struct Result: Sendable {
    /// What was wrong; empty: nothing.
    package var failures: [String] = []
    package var turns = 0
    /// Nanoseconds on the simulated clock.
    package var time: UInt64 = 0
    package var choices: [Choice] = []
    package var choiceCount = 0
    package var trace: [String] = []
    package var statistics = LoopStatistics()
    /// Clients that got all that they were owed.
    package var served = 0

    /// Tells one run from another: two with the same seed have the same.
    package var fingerprint: String {
      "\(turns) \(time) \(choiceCount) \(served) \(statistics.messages) \(statistics.bytesSent) \(failures)"
    }
  }

  private let workload: Workload
  private let system: SimulatedSystem
  private let seen: Observations
  private static var port: UInt16 { 7007 }
  /// In so many turns something moves for somebody, or nothing ever does.
  private static var turnsWithoutProgress: Int { 50_000 }

  package init(_ workload: Workload, choices: Choices, traceLimit: Int = 0) {
    self.workload = workload
    system = SimulatedSystem(choices: choices, limits: workload.network)
    seen = Observations(system, workload)
    system.network.trace = Trace(limit: traceLimit)
  }

  /// Runs it from beginning to end, on this thread.
  package func run() -> Result {
    var result = Result()
    do throws(RingError) {
      try run(&result)
    } catch {
      result.failures.append("the loop could not be made: \(error)")
    }
    system.playPeers = nil
    result.time = system.network.clock
    result.choices = system.network.choices.recorded
    result.choiceCount = system.network.choices.count
    result.trace = system.network.trace.lines
    return result
  }

  private func run(_ result: inout Result) throws(RingError) {
    var configuration = EventLoop.Configuration()
    configuration.poolBytes = workload.poolBytes
    configuration.disabledFeatures = workload.disabled
    configuration.zeroCopySendThreshold = workload.zeroCopyThreshold
    let loop = try SteppedLoop(
      system,
      configuration: configuration,
      submissionEntries: workload.submissionEntries,
      completionEntries: workload.completionEntries,
      maximumConnections: workload.maximumConnections
    )
    let descriptor = system.listen(at: Self.port)
    let letGo = serve(loop, descriptor)
    // Connections lead to the body, and the body keeps some of them: nobody else would end that.
    defer { letGo() }
    let clients = Clients(workload, system, port: Self.port, seen)
    let peers = workload.service == .proxy ? EchoPeers(system, port: ObservedBody.upstream) : nil
    system.playPeers = { system in
      clients.play(system)
      peers?.play(system)
    }
    let hasStopped = turn(loop, clients, &result)
    judge(&result, clients, loop, hasStopped: hasStopped)
    if !hasStopped { loop.stopServing() }
    result.statistics = loop.statistics
    end(&result, loop)
  }

  /// Turn after turn until everybody is done, or something is wrong. Whether the server was stopped.
  private func turn(_ loop: SteppedLoop, _ clients: Clients, _ result: inout Result) -> Bool {
    var stop = workload.stops ? 1 + Int(system.network.choices.draw(.stopTime, below: 200)) : Int.max
    var hasStopped = false
    var progress = -1
    var lastProgress = 0
    while result.turns < workload.mostTurns, loop.turn() {
      result.turns += 1
      // A server on which nothing happens any more need not wait for its time.
      if !hasStopped, result.turns >= stop || (workload.stops && system.stalledWaits > 10) {
        loop.stopServing()
        hasStopped = true
        stop = result.turns
      }
      if hasStopped, result.turns == stop + 5000 { loop.abortServed() }
      if clients.areDone, loop.remains.connections == 0, loop.remains.served == 0 { break }
      if system.stalledWaits > 100 { break }
      if result.turns % 8 == 0, let flaw = loop.flaw() { result.failures.append(flaw) }
      if !result.failures.isEmpty || !system.violations.isEmpty || !seen.failures.isEmpty || clients.hasFailed { break }
      guard result.turns % 1024 == 0 else { continue }
      let now = clients.progress + seen.opened + seen.closed
      if now != progress { (progress, lastProgress) = (now, result.turns) }
      if result.turns - lastProgress > Self.turnsWithoutProgress { break }
    }
    return hasStopped
  }

  /// Returns what is to be done when the run is over.
  private func serve(_ loop: SteppedLoop, _ descriptor: Int32) -> () -> Void {
    let address = SocketAddress.loopback(port: Self.port)
    let (seen, system, workload) = (seen, system, workload)
    let onError: TCPServer.ErrorReport = { error, _ in
      if error is OnPurpose { seen.reported += 1 }
    }
    switch workload.mode {
    case .handlers:
      let others = Neighbours()
      loop.serve(descriptor, at: address, limits: workload.limits, onError: onError) {
        ObservedHandler(seen, system, workload, others)
      }
      return { others.loop = nil }
    case .tasks:
      let body = ObservedBody(seen, system, workload)
      loop.serve(descriptor, at: address, limits: workload.limits, onError: onError) { try await body.serve($0) }
      return { body.forgetOthers() }
    }
  }

  /// What must be true when nobody has anything to do any more.
  private func judge(_ result: inout Result, _ clients: Clients, _ loop: SteppedLoop, hasStopped: Bool) {
    result.failures += system.violations + seen.failures + clients.failures
    result.served = clients.served
    if !result.failures.isEmpty { return }
    if !clients.areDone || loop.remains.connections > 0 || loop.remains.served > 0 {
      result.failures.append(
        "nobody moves any more, or not enough, after \(result.turns) turns: \(clients.unfinished), "
          + "\(loop.remains.connections) connections open"
      )
      return
    }
    // Who is reset without a cause was wronged.
    let mayReset =
      system.network.resetsByPath > 0 || workload.isHostile || hasStopped || workload.hasShortLimits
      || seen.failedConnects > 0
    result.failures += clients.cutShort
    if !mayReset { result.failures += clients.wronged }
    if seen.opened != seen.closed {
      result.failures.append("\(seen.opened) connections were opened, and \(seen.closed) told that they are closed")
    }
    if seen.thrown != seen.reported {
      result.failures.append("user code threw \(seen.thrown) errors, and \(seen.reported) were reported")
    }
    if !mayReset, clients.allAreHonest, seen.broken > 0 {
      result.failures.append("\(seen.broken) connections ended with an error, and nobody did anything wrong")
    }
  }

  /// Nothing may be left.
  private func end(_ result: inout Result, _ loop: SteppedLoop) {
    // Timers that nobody waits for any more run out, and find nothing.
    for _ in 0..<1000 {
      let remains = loop.remains
      // Who was accepted only now, because accepting rested, may wait for nothing but the next turn.
      let isServing = remains.connections > 0 || remains.served > 0
      if !isServing, remains.listeners == 0, remains.timers == 0, remains.operations == 0 { break }
      loop.turn()
    }
    let hasFailed = !result.failures.isEmpty
    let remains = loop.remains
    let slots = loop.end()
    // A run that has failed was not brought to its end.
    if hasFailed { return }
    if remains != SteppedLoop.Remains() { result.failures.append("something is left: \(remains)") }
    switch slots {
    case nil: result.failures.append("the loop does not come to its end")
    case 0: break
    case let slots?: result.failures.append("\(slots) slots did not come home")
    }
    if system.openDescriptors > 0 {
      result.failures.append("\(system.openDescriptors) descriptors are left open")
    }
    result.failures += system.violations
  }
}

extension Workload {
  /// Its timeouts are so short that honest clients may meet them.
  fileprivate var hasShortLimits: Bool { limits.flushTimeout < .seconds(1) || limits.holdTimeout < .seconds(1) }
}
