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
  package var service = Service.echo
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
  package var network = NetworkLimits()

  /// A reset is told at once: no pressure, and no user code that does not listen, keeps it waiting.
  var isPrompt: Bool { !isHostile && poolBytes >= 1 << 20 && service != .proxy }

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

  /// All but those who stop reading and stay, which takes a server that has deadlines.
  private static let everybody: [SimulatedClient.Style] = [
    .polite, .writesFirst, .trickles, .sips, .silent, .neverReads, .resets, .leaves, .clings,
  ]

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
    churn.styles = everybody

    var once = Workload("once", mode)
    once.disabled = [.multishotAccept, .multishotReceive, .incrementalBuffers]

    var pressure = Workload("pressure", mode)
    pressure.clients = 10
    pressure.bytes = 30_000
    pressure.poolBytes = 64 << 10
    pressure.styles = [.polite, .neverReads, .trickles, .neverReads, .sips, .writesFirst]

    var ends = Workload("ends", mode)
    ends.clients = 8
    ends.styles = everybody

    var timeouts = Workload("timeouts", mode)
    timeouts.limits.idleTimeout = .milliseconds(20)
    timeouts.limits.flushTimeout = .milliseconds(20)
    timeouts.limits.lingerTimeout = .milliseconds(5)
    timeouts.styles = everybody

    var stop = Workload("stop", mode)
    stop.stops = true
    stop.styles = [.polite, .writesFirst, .trickles, .sips, .silent, .clings, .neverReads, .resets, .leaves]
    // So that nothing but the linger timeout ends whoever clings to its connection.
    stop.limits.idleTimeout = nil
    stop.clients = 8

    var overflow = Workload("overflow", mode)
    overflow.clients = 16
    overflow.bytes = 3000
    overflow.completionEntries = 4

    var hostile = Workload("hostile", mode)
    hostile.isHostile = true
    hostile.poolBytes = 256 << 10
    hostile.styles = everybody
    hostile.clients = 8

    var slow = Workload("slow", mode)
    slow.limits.idleTimeout = .milliseconds(100)
    slow.limits.flushTimeout = .milliseconds(100)
    slow.styles = [.crawls, .stalls, .polite, .clings]
    slow.bytes = 40_000
    slow.network.sendCapacity = 6000
    slow.network.receiveCapacity = 6000

    var shortage = Workload("shortage", mode)
    shortage.clients = 24
    shortage.bytes = 500
    shortage.network.descriptors = 6

    let common = [
      echo, bulk, churn, once, pressure, ends, timeouts, stop, overflow, hostile, slow, shortage,
      make("halfclose", mode, .halfClosing), make("greeting", mode, .greeting), make("drain", mode, .drain),
    ]
    switch mode {
    case .handlers: return common + [make("fanout", mode, .fanOut)]
    case .tasks: return common + [make("timed", mode, .timed), make("proxy", mode, .proxy)]
    }
  }

  private static func make(_ name: String, _ mode: Mode, _ service: Service) -> Workload {
    var workload = Workload(name, mode)
    workload.service = service
    return workload
  }
}
