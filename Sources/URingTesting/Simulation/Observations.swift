internal import URingBackend

/// What user code saw, and whether that can be true: it is compared with what really came over the network.
final class Observations: @unchecked Sendable {
  // Why unchecked: it belongs to the thread of the loop.
  /// What user code did and saw of one connection.
  private struct Account {
    var received = 0
    var queued = 0
  }

  private let system: SimulatedSystem
  private let limits: ConnectionLimits
  /// Nothing but the network keeps a server from hearing of a reset.
  private let isPrompt: Bool
  private(set) var failures: [String] = []
  private(set) var opened = 0
  private(set) var closed = 0
  /// Connections that ended with an error.
  private(set) var broken = 0
  /// Errors that user code threw on purpose, and those that were reported.
  var thrown = 0
  var reported = 0
  /// Connects of the server that came to nothing.
  var failedConnects = 0
  // By the client's port.
  private var accounts: [UInt16: Account] = [:]

  init(_ system: SimulatedSystem, _ workload: Workload) {
    self.system = system
    limits = workload.limits
    isPrompt = workload.isPrompt
  }

  private static var latest: UInt64 { 300_000_000 }

  func open(_ port: UInt16?) {
    opened += 1
    if let port { accounts[port] = Account() }
  }

  func hasOpened(_ port: UInt16) -> Bool { accounts[port] != nil }

  /// Bytes were received.
  func took(_ port: UInt16?, _ count: Int) {
    check(count > 0, "an empty view")
    guard let port, let fate = system.network.fates[port] else { return }
    accounts[port, default: Account()].received += count
    check(accounts[port, default: Account()].received <= fate.arrived, "more bytes were received than have arrived")
  }

  /// Bytes were taken for sending.
  func queued(_ port: UInt16?, _ count: Int) {
    if let port { accounts[port, default: Account()].queued += count }
  }

  /// How many bytes were taken for sending to a client.
  func queued(to port: UInt16) -> Int { accounts[port]?.queued ?? 0 }

  /// The end of the client's stream was told.
  func end(_ port: UInt16?) {
    guard let port else { return }
    let fate = system.network.fates[port] ?? StreamFate()
    let received = accounts[port]?.received ?? 0
    check(
      fate.hasEnded,
      "the end of a stream was told that has not ended: \(received) of \(fate.arrived) bytes, port \(port)"
    )
    check(received == fate.arrived, "the end of a stream was told after \(received) of \(fate.arrived) bytes")
  }

  /// The end of the connection was told.
  func close(_ port: UInt16?, _ error: SocketError?) {
    closed += 1
    check(closed <= opened, "more connections were closed than opened")
    guard let error else { return }
    broken += 1
    // The error may be about another connection, which a proxy has.
    guard let port, error.peer?.port == port, let fate = system.network.fates[port] else { return }
    switch error.kind {
    case .system:
      guard let failedAt = fate.failedAt else { return check(false, "told that it failed, and it did not: \(error)") }
      let lateness = lateness(failedAt)
      check(!isPrompt || lateness < Self.latest, "a reset was told \(lateness / 1_000_000) ms late")
    case .idle where fate.failedAt != nil: checkNotice(fate)
    case .idle: checkRest(fate, accounts[port], limits.idleTimeout, error)
    case .timedOut where error.operation == .close: checkRest(fate, accounts[port], limits.flushTimeout, error)
    case .holdsMemory:
      check(limits.holdTimeout < .seconds(1), "given up for holding memory, and nobody here keeps any for so long")
    default: break
    }
  }

  /// How long ago something happened, not counting what a process that stood still could not know.
  private func lateness(_ time: UInt64) -> UInt64 { system.network.clock - max(time, system.wokeAt) }

  /// A reset needs no deadline in order to be noticed, whatever the connection waits for.
  private func checkNotice(_ fate: StreamFate) {
    let lateness = fate.failedAt.map(lateness) ?? 0
    check(lateness < Self.latest, "a reset went unnoticed for \(lateness / 1_000_000) ms, until the idle timeout")
  }

  /// Who is given up for want of progress must have made none. The engine looks at acknowledgements once a period, and a run has
  /// delays: hence half of the time.
  private func checkRest(_ fate: StreamFate, _ account: Account?, _ period: Duration?, _ error: SocketError) {
    // Whoever holds the memory that they wait for has to go long before.
    let mayWait = limits.holdTimeout >= .seconds(1) || account?.received == fate.arrived
    check(mayWait, "\(account?.received ?? 0) of \(fate.arrived) bytes were taken until the idle timeout")
    guard let period, account?.received == fate.arrived else { return }
    let rest = Duration.nanoseconds(Int64(system.network.clock - fate.lastMove))
    check(rest >= period / 2, "given up after \(rest) without progress: \(error)")
  }

  /// A timer of less than a second has fired: never before what came while the process stood still was looked at.
  func timerFired() {
    let isLate = system.lastStandstill > 1_000_000_000 && system.looksSinceWoken == 0
    check(!isLate, "a timer fired before the loop looked at what came while it stood still")
  }

  func check(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition, failures.count < 16 { failures.append(message()) }
  }
}
