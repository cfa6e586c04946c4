internal import Glibc
internal import URingBackend

/// What comes to a side: bytes, the end, resets, acknowledgements.
extension SimulatedNetwork {
  /// Whether the other side's FIN is on its way, with nothing before it.
  private func endIsNext(_ side: Int) -> Bool {
    let other = sides[side ^ 1].flags
    return other.contains(.endSent) && !other.contains(.outputDropped)
      && !sides[side].flags.contains(.inputEnded) && sides[side].underWay == 0
  }

  /// Sends on what can come to a side next, unless it is under way already.
  mutating func scheduleArrival(_ side: Int) {
    guard !sides[side].flags.contains(.arrivalScheduled), sides[side].state != .free else { return }
    guard sides[side].deliverable > 0 || endIsNext(side) || isRefused(side) else { return }
    sides[side].flags.insert(.arrivalScheduled)
    var time = clock + limits.latency + delay(.segmentDelay, below: 2000)
    let clog = choices.draw(.clog, below: 2000)
    if clog > 0 { sides[side].cloggedUntil = clock + UInt64(clog) * 1_000_000 }
    time = max(time, sides[side].cloggedUntil)
    schedule(.arrival, for: side, after: time - clock)
  }

  /// Bytes for a side that nobody reads any more: they are answered with a reset, whatever its window is.
  private func isRefused(_ side: Int) -> Bool {
    sides[side].underWay > 0 && (sides[side].state == .closed || sides[side].flags.contains(.abandoned))
  }

  mutating func arrives(_ side: Int) {
    sides[side].flags.remove(.arrivalScheduled)
    // The answer to its SYN comes before everything else.
    if sides[side].state == .connecting { connectSucceeds(side) }
    if isRefused(side) { return refuse(side) }
    guard sides[side].state == .established else { return }
    if choices.happens(.pathResets) {
      resetsByPath += 1
      if trace.isOn { trace.add(clock, "the path resets \(name(side))") }
      scheduleReset(side)
      scheduleReset(side ^ 1)
      return
    }
    var count = sides[side].deliverable
    if count > 0, sides[side].flags.contains(.inputShut), sides[side].flags.contains(.endSent) {
      // After SHUT_RDWR bytes are answered with a reset, and this side has the error, too (verified).
      refuse(side)
      return resetArrives(side)
    }
    let part = choices.draw(.bytesArriving, below: UInt32(clamping: count))
    if part > 0 { count = Int(part) }
    if count > 1, choices.happens(.singleByteArrives) { count = 1 }
    deliver(side, count)
    let comesNow = count == 0 || !choices.happens(.endArrivesLater)
    if endIsNext(side), comesNow { endArrives(side) }
    let pause = delay(.acknowledgementDelay, below: 50_000)
    if pause == 0 {
      acknowledge(side ^ 1)
    } else if sides[side ^ 1].flags.insert(.acknowledgementScheduled).inserted {
      schedule(.acknowledgement, for: side ^ 1, after: pause)
    }
    scheduleArrival(side)
  }

  private mutating func deliver(_ side: Int, _ count: Int) {
    guard count > 0 else { return }
    sides[side].available += count
    sides[side].arrived += UInt64(count)
    note(side) { [clock] fate in
      fate.arrived += count
      fate.lastArrival = clock
    }
    if trace.isOn { trace.add(clock, "\(count) bytes arrive at \(name(side))") }
    changed(side, .input)
  }

  private mutating func endArrives(_ side: Int) {
    sides[side].flags.insert(.inputEnded)
    sides[side].arrived += 1
    note(side) { $0.hasEnded = true }
    if trace.isOn { trace.add(clock, "the end arrives at \(name(side))") }
    changed(side, [.input, .inputEnds])
    closeIfOver(side)
  }

  /// Nobody reads: what is under way is dropped, and its sender reset.
  private mutating func refuse(_ side: Int) {
    sides[side].input.truncate(to: sides[side].available)
    sides[side ^ 1].flags.insert(.outputDropped)
    if sides[side].flags.contains(.abandoned) { sides[side].state = .closed }
    scheduleReset(side ^ 1)
  }

  /// Tells a side how much has arrived at the other one.
  mutating func acknowledge(_ side: Int) {
    guard sides[side].state == .established, !sides[side].flags.contains(.outputDropped) else { return }
    let arrived = min(sides[side ^ 1].arrived, sides[side].written)
    guard arrived > sides[side].acknowledged else { return }
    sides[side].acknowledged = arrived
    // Once nothing is owed, nobody asks when that began: the time runs from when the program last saw bytes move.
    let time = sides[side].unacknowledged > 0 ? clock : 0
    note(side) { $0.lastAcknowledgement = time }
    reportSpace(side)
    guard sides[side].flags.contains(.endSent), sides[side].unacknowledged == 0 else { return }
    // From FIN_WAIT1 to FIN_WAIT2, or to the end: sk_state_change wakes whoever watches.
    changed(side, .output)
    closeIfOver(side)
  }

  /// Space is reported once, and only after a send has met a full buffer (verified).
  mutating func reportSpace(_ side: Int) {
    guard sides[side].flags.contains(.wantsSpace), sides[side].isWritable else { return }
    sides[side].flags.remove(.wantsSpace)
    if sides[side].flags.contains(.isPeer) { hasPeerNews = true }
    changed(side, .output)
  }

  /// Both FINs are through, so the socket is in TCP_CLOSE: it has no peer any more (verified).
  private mutating func closeIfOver(_ side: Int) {
    guard sides[side].state == .established, sides[side].flags.contains(.endSent) else { return }
    if sides[side].flags.contains(.inputEnded), sides[side].unacknowledged == 0 { close(stateOf: side) }
  }

  /// tcp_done.
  mutating func close(stateOf side: Int) {
    sides[side].state = .closed
    sides[side].flags.formUnion([.inputShut, .outputShut])
    changed(side, [.input, .output, .inputEnds])
  }

  // MARK: Resets

  mutating func scheduleReset(_ side: Int) {
    guard sides[side].state == .established || sides[side].state == .connecting else { return }
    guard sides[side].flags.insert(.resetScheduled).inserted else { return }
    schedule(.reset, for: side, after: limits.latency + delay(.segmentDelay, below: 2000))
  }

  /// An RST. What had arrived can still be read, what this side had sent is lost.
  mutating func resetArrives(_ side: Int) {
    let state = sides[side].state
    guard state == .established || state == .connecting else { return }
    if state == .established {
      // Bytes that were sent before it arrive before it, unless something went wrong.
      let count = sides[side].deliverable
      let lost = choices.draw(.bytesLostAtReset, below: UInt32(clamping: count + 1))
      deliver(side, count - Int(lost))
      if lost == 0, endIsNext(side) { endArrives(side) }
    }
    // tcp_reset: a stream that had ended has EPIPE, which a receive never tells (verified).
    let flags = sides[side].flags
    sides[side].error =
      state == .connecting
      ? ECONNREFUSED : flags.contains(.inputEnded) && !flags.contains(.endSent) ? EPIPE : ECONNRESET
    sides[side].flags.formUnion([.outputDropped, .hasFailed])
    note(side) { [clock] in $0.failedAt = clock }
    sides[side].input.truncate(to: sides[side].available)
    sides[side ^ 1].input.truncate(to: sides[side ^ 1].available)
    if trace.isOn { trace.add(clock, "a reset arrives at \(name(side))") }
    close(stateOf: side)
  }
}
