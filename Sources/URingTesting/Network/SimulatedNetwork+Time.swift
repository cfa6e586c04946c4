internal import Glibc
internal import HeapModule

extension SimulatedNetwork {
  /// When something happens next, if anything.
  package var nextEventTime: UInt64? { events.min?.time }

  /// A system call takes its time, and what is due happens meanwhile.
  package mutating func spendCall() { run(until: clock + limits.callTime) }

  /// Lets time pass, and everything happen that is due by then.
  package mutating func run(until time: UInt64) {
    while let event = events.min, event.time <= time {
      events.removeMin()
      clock = max(clock, event.time)
      guard event.kind != .peers else {
        hasPeerNews = true
        continue
      }
      guard sides[event.side].generation == event.generation else { continue }
      happen(event)
    }
    clock = max(clock, time)
  }

  /// Calls who plays the peers after so many nanoseconds.
  package mutating func callPeers(after delay: UInt64) { schedule(.peers, for: -1, after: delay) }

  /// Whether something has changed for the peers since the last time this was asked.
  package mutating func takePeerNews() -> Bool {
    defer { hasPeerNews = false }
    return hasPeerNews
  }

  private mutating func happen(_ event: NetworkEvent) {
    switch event.kind {
    case .connectArrives: connectArrives(event.side)
    case .connectSucceeds: connectSucceeds(event.side)
    case .connectRefused: connectFails(event.side, ECONNREFUSED)
    case .connectUnreachable: connectFails(event.side, EHOSTUNREACH)
    case .arrival: arrives(event.side)
    case .acknowledgement:
      sides[event.side].flags.remove(.acknowledgementScheduled)
      acknowledge(event.side)
    case .reset: resetArrives(event.side)
    case .space: reportSpace(event.side)
    case .peers: break
    }
  }
}
