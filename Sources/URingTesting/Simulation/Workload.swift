package import URingBackend

/// What a simulated run does: who serves, who comes, and how much room there is.
package struct Workload: Sendable {
  /// How the server under test is written.
  package enum Mode: String, CaseIterable, Sendable {
    case handlers
    case tasks
  }

  package var name: String
  package var mode: Mode
  package var clients = 4
  /// Which kinds of clients come; the first is the quiet one.
  package var styles: [SimulatedClient.Style] = [.polite, .writesFirst, .trickles, .sips, .silent]
  /// The most bytes that one of them writes.
  package var bytes = 20_000
  package var poolBytes = 1 << 20
  package var limits = ConnectionLimits()
  package var maximumConnections = 1000
  package var isHostile = false
  /// The server stops in the middle.
  package var stops = false
  /// Features that are forced off.
  package var disabled: [KernelFeature] = []
  package var completionEntries: UInt32 = 64

  package init(_ name: String, _ mode: Mode) {
    self.name = name
    self.mode = mode
  }

  /// All of them, in each mode.
  package static let all: [Workload] = Mode.allCases.flatMap { mode in
    make(mode).map { workload in
      var workload = workload
      workload.name += "-\(mode.rawValue)"
      return workload
    }
  }

  private static func make(_ mode: Mode) -> [Workload] {
    let echo = Workload("echo", mode)

    var bulk = Workload("bulk", mode)
    bulk.clients = 2
    bulk.bytes = 400_000
    bulk.styles = [.polite, .writesFirst]

    var churn = Workload("churn", mode)
    churn.clients = 24
    churn.bytes = 500
    churn.maximumConnections = 5
    churn.styles = SimulatedClient.Style.allCases

    var once = Workload("once", mode)
    once.disabled = [.multishotAccept, .multishotReceive, .incrementalBuffers]

    var pressure = Workload("pressure", mode)
    pressure.clients = 10
    pressure.bytes = 30_000
    pressure.poolBytes = 64 << 10
    pressure.styles = [.polite, .neverReads, .trickles, .neverReads, .sips, .writesFirst]

    var ends = Workload("ends", mode)
    ends.clients = 8
    ends.styles = SimulatedClient.Style.allCases

    var timeouts = Workload("timeouts", mode)
    timeouts.limits.idleTimeout = .milliseconds(20)
    timeouts.limits.flushTimeout = .milliseconds(20)
    timeouts.limits.lingerTimeout = .milliseconds(5)
    timeouts.styles = SimulatedClient.Style.allCases

    var stop = Workload("stop", mode)
    stop.stops = true
    stop.styles = SimulatedClient.Style.allCases
    stop.clients = 8

    var overflow = Workload("overflow", mode)
    overflow.clients = 16
    overflow.bytes = 3000
    overflow.completionEntries = 4

    var hostile = Workload("hostile", mode)
    hostile.isHostile = true
    hostile.poolBytes = 256 << 10
    hostile.styles = SimulatedClient.Style.allCases
    hostile.clients = 8
    return [echo, bulk, churn, once, pressure, ends, timeouts, stop, overflow, hostile]
  }
}
