internal import IOBuffers
internal import URingBackend

extension TestNetwork {
  /// Ends everything, and says what is left: peers close their ends, servers stop gracefully, what is still open when the
  /// configuration's `drainTimeout` is over is aborted, and the loop ends.
  ///
  /// Afterwards nothing can be done any more but to look at what there is.
  ///
  /// - Returns: what is left. A test that is done should find that it `isClean`.
  /// - Throws: ``TestNetworkError`` of kind `wrongThread`, or `networkEnded` the second time.
  @discardableResult
  public func end() throws(TestNetworkError) -> Report {
    try require(for: "end")
    for peer in peers { peer.close() }
    for port in peerPorts.sorted() { system.stopListeningAsPeer(at: port) }
    beginStopping()
    // What is aborted at the deadline needs a moment.
    let last = max(drainDeadline ?? clock, clock) + 1_000_000_000
    _ = makeTurns(until: last) { !hasServed && stepped.remains.listeners == 0 }
    var report = Report()
    report.connectionsOpen = max(undrained, stepped.remains.connections)
    report.statistics = stepped.statistics
    let slots = endLoop()
    if slots == nil { report.violations.append("the loop did not come to its end") }
    report.slotsLeaked = slots ?? 0
    let out = stepped.memoryOut
    report.viewsOut = out.readers + out.writers
    report.buffersOut = out.buffers
    report.holders = out.holders.map(\.description)
    report.bodiesRunning = code.running
    report.descriptorsOpen = system.openDescriptors
    report.errors = code.errors
    report.violations += system.violations
    return report
  }

  /// - Returns: slots that did not come home; nil: the loop has not ended.
  @discardableResult
  func endLoop() -> Int? {
    hasEnded = true
    system.waitLimit = .max
    isInTurn = true
    defer { isInTurn = false }
    return stepped.end()
  }
}
