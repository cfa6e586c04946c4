/// The one timer of a connection: idle while it is in use, then the flush deadline, then the linger deadline.
extension TCPEngine {
  func connectionTimerFired(_ id: ConnectionID) {
    guard let index = find(id) else { return }
    records[index].timer = nil
    let purpose = records[index].timerPurpose
    records[index].timerPurpose = .none
    switch purpose {
    case .none: break
    case .idle: idleTimerFired(index)
    case .flush:
      abort(index, .timedOut)
    case .linger:
      records[index].machine.lingerExpire()
      markDirty(index)
    }
  }

  /// Arms the idle timer where the connection has one.
  func armIdleTimer(_ index: Int) {
    armTimer(index, .idle)
  }

  func armTimer(_ index: Int, _ purpose: ConnectionRecord.TimerPurpose) {
    cancelTimer(index)
    let timeouts = records[index].timeouts
    let delay =
      switch purpose {
      case .none: UInt64(0)
      case .idle: timeouts.idle
      case .flush: timeouts.flush
      case .linger: timeouts.linger
      }
    if purpose == .none || (purpose == .idle && delay == 0) { return }
    let start = purpose == .idle ? records[index].lastActivity : loop.now
    let (deadline, overflow) = start.addingReportingOverflow(delay)
    records[index].timerPurpose = purpose
    records[index].timer = loop.timers.arm(overflow ? .max : deadline, .client(records[index].id.token))
  }

  func cancelTimer(_ index: Int) {
    if let timer = records[index].timer { _ = loop.timers.cancel(timer) }
    records[index].timer = nil
    records[index].timerPurpose = .none
  }

  /// The timer is armed once per idle period, not once per message: it looks when bytes last moved, and waits for the
  /// rest of the period if they did since.
  private func idleTimerFired(_ index: Int) {
    if loop.now &- records[index].lastActivity < records[index].timeouts.idle {
      armTimer(index, .idle)
    } else {
      abort(index, .idle)
    }
  }
}
