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
    reports.removeAll(keepingCapacity: true)
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

  private func waited(_ result: Int) -> Int {
    if network.trace.isOn { network.trace.add(network.clock, "wait -> \(describe(result))") }
    return result
  }

  package func event(at index: Int) -> ReadinessEvent { reports[index] }

  package func now() -> UInt64 { network.clock }

  package func chooses(_ freedom: RingFreedom) -> Bool { network.choices.happens(Site(freedom)) }

  package static var checksRules: Bool { true }

  package func note(broken rule: RingRule, _ descriptor: Int32) {
    violate("\(rule.rawValue): descriptor \(descriptor)")
  }

  /// Nothing to give back: sockets stay as they are, so that what is left open can be counted.
  package func close() {}
}
