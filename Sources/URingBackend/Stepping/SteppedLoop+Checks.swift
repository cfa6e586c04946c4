internal import IOBuffers

/// What must be true between any two turns, whatever happens.
extension SteppedLoop {
  /// Retries of a full submission queue have timers that nothing else tells of.
  private static var timersBeside: Int { 3 }

  /// What is wrong; nil: nothing.
  package func flaw() -> String? { timerFlaw() ?? boundFlaw() ?? slotFlaw() }

  /// Each timer belongs to somebody who is there.
  private func timerFlaw() -> String? {
    var clients = engine.isTicking ? 1 : 0
    var notices = 0
    for index in 0..<engine.records.count where engine.records[index].timer != nil { clients += 1 }
    clients += engine.connecting.values.count { $0.timer != nil }
    clients += engine.listeners.values.count { $0.waitsForResources }
    for sink in sinks.compactMap({ $0 as? AsyncSink }) + [engine.clientSink] {
      for index in 0..<sink.states.count where sink.states[index].receiverTimer != nil { notices += 1 }
    }
    var armed = (clients: 0, notices: 0)
    loop.timers.forEachArmed { timer in
      switch timer {
      case .client: armed.clients += 1
      case .notice: armed.notices += 1
      case .sleeper, .tenant: break
      }
    }
    if armed.clients > clients + Self.timersBeside {
      return "\(armed.clients) timers are armed, and \(clients) are known"
    }
    if armed.notices > notices + Self.timersBeside {
      return "\(armed.notices) timers of receives are armed, and \(notices) receives wait with one"
    }
    return nil
  }

  /// Unread bytes are bounded, but for what is under way when reading pauses: a slot of each ring.
  private func boundFlaw() -> String? {
    let beyond = 2 * loop.memory.plan.slotBytes
    for index in 0..<engine.records.count where engine.records[index].isOpen {
      let machine = engine.records[index].machine
      if Int(machine.unread) > Int(machine.limits.readCredit) + beyond {
        return "\(machine.unread) bytes are unread, and \(machine.limits.readCredit) is the bound"
      }
      if machine.unsent < 0 { return "\(machine.unsent) bytes are unsent" }
    }
    return nil
  }

  private func slotFlaw() -> String? {
    let rejected = engine.buffers.statistics.rejected + engine.lineBuffers.statistics.rejected
    return rejected == 0 ? nil : "\(rejected) completions named buffers that are not posted, or too many bytes"
  }
}
