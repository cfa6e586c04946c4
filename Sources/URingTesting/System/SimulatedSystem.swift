internal import Glibc
internal import SystemPackage
package import URingBackend

/// The system calls of a simulated kernel: a ``SimulatedNetwork`` with a clock of its own, on which nobody really waits.
///
/// A descriptor below the first one of the network belongs to the real kernel, such as the eventfd of a loop: it can be
/// watched and read, and nothing ever comes of it.
package final class SimulatedSystem: SocketSystem, SocketCalls, @unchecked Sendable {
  // Why unchecked: it belongs to the thread of the loop that runs on it.

  /// All that there is. A copy of it is a copy of the whole state.
  package var network: SimulatedNetwork
  /// What a correct program never does, in words, oldest first.
  package private(set) var violations: [String] = []
  /// Waits without limit that nothing would ever have ended.
  package private(set) var stalledWaits = 0
  /// Plays the peers. Called inside of `wait` when something has changed for them, at the time of the change; and when
  /// nothing would happen any more, for they may do something by themselves.
  ///
  /// Without it, a wait ends with -EINTR when something changes for the peers, so that whoever called can play them.
  package var playPeers: ((SimulatedSystem) -> Void)?
  /// No wait goes on beyond this time: it ends there with -EINTR, and counts as cut.
  package var waitLimit = UInt64.max
  /// Waits that ended because of `waitLimit`: whoever waited had nothing to do at that time.
  package private(set) var cutWaits = 0
  /// When the process last stood still. What is told late then, nobody could have told before.
  package private(set) var wokeAt: UInt64 = 0
  /// How often the program has asked for reports since then.
  package private(set) var looksSinceWoken = 0
  /// For how long, in nanoseconds.
  package private(set) var lastStandstill: UInt64 = 0
  /// For how long it has stood still in all, in nanoseconds.
  package private(set) var stoodStill: UInt64 = 0

  private static var reportLimit: Int { 64 }
  private static var violationLimit: Int { 32 }
  private var reports: [ReadinessEvent] = []

  package init(choices: Choices, limits: NetworkLimits = NetworkLimits()) {
    network = SimulatedNetwork(choices: choices, limits: limits)
  }

  /// How many descriptors are open: 0 at the end of a run, or something has leaked.
  package var openDescriptors: Int { network.openDescriptors }

  /// Whether the real kernel has it.
  func isForeign(_ descriptor: Int32) -> Bool { descriptor >= 0 && descriptor < network.limits.firstDescriptor }

  func violate(_ what: String) {
    if network.trace.isOn { network.trace.add(network.clock, "VIOLATION: \(what)") }
    if violations.count < SimulatedSystem.violationLimit { violations.append(what) }
  }

  /// Begins a call: its time passes, and its descriptor must be open.
  func begin(_ call: StaticString, _ descriptor: Int32) {
    network.spendCall()
    if !network.isOpen(descriptor) { violate("\(call) of descriptor \(descriptor), which is not open") }
  }

  func note(_ call: StaticString, _ descriptor: Int32, _ result: Int) {
    if network.trace.isOn { network.trace.add(network.clock, "\(call) fd=\(descriptor) -> \(describe(result))") }
  }

  func describe(_ result: Int) -> String {
    result < 0 ? String(describing: Errno(rawValue: Int32(-result))) : "\(result)"
  }

  // MARK: Waiting

  package func watch(_ descriptor: Int32, generation: UInt32) -> Int32 {
    if isForeign(descriptor) { return 0 }
    begin("watch", descriptor)
    let result = network.watch(descriptor, generation: generation)
    note("watch", descriptor, Int(result))
    return result
  }

  package func wait(timeoutNanoseconds: UInt64?) -> Int {
    // As with SIGSTOP and SIGCONT: whoever waits hears of no more than that.
    if timeoutNanoseconds != 0, standStill() {
      reports.removeAll(keepingCapacity: true)
      return waited(Int(-EINTR))
    }
    let result = waitForReports(timeoutNanoseconds)
    // Between the call and whatever the program does with it.
    _ = standStill()
    return result
  }

  private func waitForReports(_ timeoutNanoseconds: UInt64?) -> Int {
    reports.removeAll(keepingCapacity: true)
    looksSinceWoken += 1
    network.spendCall()
    let deadline = timeoutNanoseconds.map { network.clock + min($0, UInt64.max / 2 - network.clock) }
    var areAsked = false
    while true {
      if network.takePeerNews() {
        if let playPeers {
          playPeers(self)
        } else if timeoutNanoseconds != 0 {
          return waited(Int(-EINTR))
        }
      }
      network.takeReports(into: &reports, limit: SimulatedSystem.reportLimit)
      if !reports.isEmpty || timeoutNanoseconds == 0 { return waited(reports.count) }
      let next = network.nextEventTime
      if next == nil, let playPeers, !areAsked {
        areAsked = true
        playPeers(self)
        continue
      }
      if let deadline, deadline <= next ?? .max, deadline <= waitLimit {
        network.run(until: deadline)
        network.takeReports(into: &reports, limit: SimulatedSystem.reportLimit)
        return waited(reports.count)
      }
      if waitLimit < next ?? .max, next != nil || deadline != nil {
        network.run(until: waitLimit)
        cutWaits += 1
        return waited(Int(-EINTR))
      }
      guard let next else {
        stalledWaits += 1
        return waited(0)
      }
      areAsked = false
      network.run(until: next)
    }
  }

  /// So many milliseconds at most.
  private static var longestStandstill: UInt32 { 60_000 }
  /// Nanoseconds between two of them.
  private static var wakefulness: UInt64 { 2_000_000_000 }

  /// The process stands still, if it is its day: a debugger, a machine that was suspended, a container without a
  /// processor. Everybody else goes on, and the clock does.
  private func standStill() -> Bool {
    // What woke up has a moment before it happens again.
    guard network.clock >= wokeAt + SimulatedSystem.wakefulness || wokeAt == 0 else { return false }
    let time = network.choices.draw(.clockJumps, below: SimulatedSystem.longestStandstill)
    guard time > 0, network.clock < waitLimit else { return false }
    let start = network.clock
    let end = min(start + UInt64(time) * 1_000_000, waitLimit)
    while true {
      if let playPeers, network.takePeerNews() { playPeers(self) }
      guard let next = network.nextEventTime, next <= end else { break }
      network.run(until: next)
      wokeAt = network.clock
    }
    network.run(until: end)
    wokeAt = network.clock
    looksSinceWoken = 0
    lastStandstill = wokeAt - start
    stoodStill += lastStandstill
    if network.trace.isOn { network.trace.add(wokeAt, "the process has stood still for \((wokeAt - start) / 1000) us") }
    return true
  }

  private func waited(_ result: Int) -> Int {
    if network.trace.isOn { network.trace.add(network.clock, "wait -> \(describe(result))") }
    return result
  }

  package func event(at index: Int) -> ReadinessEvent { reports[index] }

  package func now() -> UInt64 { network.clock }

  package func chooses(_ freedom: RingFreedom) -> Bool {
    // Who has just woken up is not turned away: the first look shows something.
    if looksSinceWoken == 0, wokeAt > 0, freedom == .refusesCall || freedom == .interruptsCall { return false }
    return network.choices.happens(Site(freedom))
  }

  package static var sendsWithoutCopy: Bool { true }

  package static var checksRules: Bool { true }

  package func note(broken rule: RingRule, _ descriptor: Int32) {
    violate("\(rule.rawValue): descriptor \(descriptor)")
  }

  /// Nothing to give back: sockets stay as they are, so that what is left open can be counted.
  package func close() {}
}
