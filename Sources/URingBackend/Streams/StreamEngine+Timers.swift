/// The one timer of a connection: a look at its input soon after it was opened, idle while it is in use, then the flush deadline, then the linger deadline.
///
/// Each stands for a time without progress. What moves inside of one long send, and in the kernel's own queue, no completion
/// tells: the kernel is asked when the timer fires, and not before.
extension StreamEngine {
  /// While a server stops, peers that owe it nothing have this long to end their side.
  static let lingerWhileStopping: UInt64 = 250_000_000

  func connectionTimerFired(_ id: ConnectionID) {
    guard let index = find(id) else { return }
    records[index].timer = nil
    let purpose = records[index].timerPurpose
    records[index].timerPurpose = .none
    switch purpose {
    case .none: break
    case .look:
      look(index)
      armTimer(index, .idle)
    case .idle, .reprieve: idleTimerFired(index)
    case .flush:
      // Where nothing is owed, the peer has everything, and what is left to do is this side's, which may have stood still.
      let isOver = owes(index) && hasStoodStill(index, for: records[index].timeouts.flush)
      if !isOver, planted(.forgetsFlushTimer) { return }
      isOver ? abort(index, .timedOut) : armTimer(index, .flush)
    case .acknowledge: acknowledgeTimerFired(index)
    case .linger:
      records[index].machine.lingerExpire()
      markDirty(index)
    }
  }

  /// Whether the peer has not acknowledged everything that it is to get.
  private func owes(_ index: Int) -> Bool {
    records[index].machine.unsent > 0 || sockets.unacknowledgedBytes(of: records[index].descriptor) > 0
  }

  /// Whether nothing moved for so long. Remembers what the kernel says for the next time.
  private func hasStoodStill(_ index: Int, for period: UInt64) -> Bool {
    let idle = loop.now &- min(loop.now, records[index].lastActivity)
    guard idle >= period else { return false }
    let descriptor = records[index].descriptor
    let isOwing = owes(index)
    if planted(.ignoresAcknowledgements) { return true }
    let before = records[index].acknowledged
    // Nothing was owed the last time either: nothing can have moved.
    guard isOwing || before > 0 else { return true }
    // Only ever compared: half of the bits tell one from another, and zero stands for no look.
    let acknowledged = UInt32(truncatingIfNeeded: progress(of: descriptor) &<< 1) | 1
    records[index].acknowledged = isOwing ? acknowledged : 0
    guard acknowledged != before else { return true }
    records[index].lastActivity = loop.now
    return false
  }

  /// A number that changes when the peer takes something. A Unix socket has no acknowledgements, but what is left of its
  /// queue shrinks; and while there is more for that queue, the sends that fill it up end and are progress themselves,
  /// because they go without MSG_WAITALL there.
  private func progress(of descriptor: Int32) -> UInt64 {
    sockets.acknowledgedBytes(of: descriptor) ?? UInt64(max(0, sockets.unacknowledgedBytes(of: descriptor)))
  }

  /// How long after its opening the input of a connection is looked at.
  static let lookTime: UInt64 = 1_000_000_000

  /// Looks whether a reset was missed: one that came close behind bytes, while the receive was being armed, is reported by
  /// nobody (docs/kernel-matrix.md).
  private func look(_ index: Int) {
    guard records[index].machine.flags.contains(.receiveArmed) else { return }
    if case .failed(let errno) = sockets.inputState(of: records[index].descriptor) { breakOff(index, errno, .receive) }
  }

  /// The FIN was sent a while ago. The peer's time to end its side begins when it has acknowledged everything.
  private func acknowledgeTimerFired(_ index: Int) {
    if sockets.unacknowledgedBytes(of: records[index].descriptor) == 0 {
      armTimer(index, .linger)
    } else if hasStoodStill(index, for: records[index].timeouts.flush) {
      abort(index, .timedOut)
    } else {
      armTimer(index, .acknowledge)
    }
  }

  /// Arms the first timer of a connection: the look, then the idle timer where it has one.
  func armFirstTimer(_ index: Int) {
    let idle = records[index].timeouts.idle
    armTimer(index, idle == 0 || idle > StreamEngine.lookTime ? .look : .idle)
  }

  func armTimer(_ index: Int, _ purpose: ConnectionRecord.TimerPurpose) {
    cancelTimer(index)
    let timeouts = records[index].timeouts
    let delay =
      switch purpose {
      case .none: UInt64(0)
      case .look: StreamEngine.lookTime
      case .idle: timeouts.idle
      case .reprieve: min(timeouts.idle, StreamEngine.reprieveTime)
      case .flush: timeouts.flush
      case .acknowledge, .linger: lingerTime(index)
      }
    if purpose == .none || (purpose == .idle && delay == 0) { return }
    let start = purpose == .idle ? records[index].lastActivity : loop.now
    let (deadline, overflow) = start.addingReportingOverflow(delay)
    records[index].timerPurpose = purpose
    records[index].timer = loop.timers.arm(overflow ? .max : deadline, .client(records[index].id.token))
  }

  private func lingerTime(_ index: Int) -> UInt64 {
    var isStopping = false
    withSink(index) { isStopping = $0.isStopping }
    let linger = records[index].timeouts.linger
    return isStopping ? min(linger, StreamEngine.lingerWhileStopping) : linger
  }

  func cancelTimer(_ index: Int) {
    if let timer = records[index].timer { _ = loop.timers.cancel(timer) }
    records[index].timer = nil
    records[index].timerPurpose = .none
  }

  /// The timer is armed once per idle period, not once per message: it looks when bytes last moved, and waits for the
  /// rest of the period if they did since.
  private func idleTimerFired(_ index: Int) {
    look(index)
    guard hasStoodStill(index, for: records[index].timeouts.idle) else { return armTimer(index, .idle) }
    guard mayGoOn(index) else { return abort(index, .idle) }
    records[index].reprieved = records[index].lastActivity
    armTimer(index, .reprieve)
  }

  /// How long what has waited has to be served.
  private static let reprieveTime: UInt64 = 1_000_000_000

  /// Whether it may be the loop that stood still, and not the peer: what came meanwhile came in time. The one look at the
  /// completions that comes before timers then does not serve everybody: who finds the ring of slots empty waits in line,
  /// and a task that wakes in this turn runs in the next one. Once only, so that a loop that is always late gives up nevertheless.
  private func mayGoOn(_ index: Int) -> Bool {
    guard records[index].reprieved != records[index].lastActivity, !planted(.countsStandstill) else { return false }
    if loop.isHeldUp { return true }
    let flags = records[index].machine.flags
    guard flags.isDisjoint(with: [.inputEnded, .broken]), !flags.isDisjoint(with: [.receiveArmed, .starved]) else {
      return false
    }
    return sockets.inputState(of: records[index].descriptor) == .bytes
  }
}
