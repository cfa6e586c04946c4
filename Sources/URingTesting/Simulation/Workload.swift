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
  /// What a quiet one writes, if that is not too much.
  var usualBytes = 1000
  package var poolBytes = 1 << 20
  package var limits = ConnectionLimits()
  package var maximumConnections = 1000
  package var isHostile = false
  /// The server stops in the middle.
  package var stops = false
  /// Features that are forced off.
  package var disabled: [KernelFeature] = []
  package var submissionEntries: UInt32?
  package var completionEntries: UInt32 = 64
  /// From so many bytes on sends are zero-copy ones; nil: none is.
  package var zeroCopyThreshold: Int?
  package var network = NetworkLimits()
  /// No workload needs so many turns by far: who is not served by then starves.
  package var mostTurns = 400_000

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
    pressure.styles = [.polite, .neverReads, .trickles, .neverReads, .sips, .crawls]
    // Who reads nothing has to go some day; what waits for memory is looked at every 10 ms until then.
    pressure.limits.idleTimeout = .seconds(20)
    pressure.network.sendCapacity = 3000
    pressure.network.receiveCapacity = 3000

    var squeeze = pressure
    squeeze.name = "squeeze"
    squeeze.clients = 20
    squeeze.poolBytes = 160 << 10
    squeeze.usualBytes = 12_000
    squeeze.styles = [.polite, .neverReads, .trickles, .resets, .clings, .leaves]

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
    overflow.submissionEntries = 16
    overflow.completionEntries = 4

    var hostile = Workload("hostile", mode)
    hostile.isHostile = true
    hostile.poolBytes = 256 << 10
    hostile.styles = everybody
    hostile.clients = 8

    var slow = Workload("slow", mode)
    slow.limits.idleTimeout = .milliseconds(100)
    slow.limits.flushTimeout = .milliseconds(100)
    slow.styles = [.crawls, .stalls, .polite, .clings, .freezes]
    slow.bytes = 40_000
    slow.usualBytes = 25_000
    slow.network.sendCapacity = 6000
    slow.network.receiveCapacity = 6000

    var marks = Workload("marks", mode)
    marks.bytes = 60_000
    marks.usualBytes = 20_000
    marks.poolBytes = 256 << 10
    marks.limits.unreadBytes = 2000
    marks.limits.highWaterBytes = 4000
    marks.limits.lowWaterBytes = 1000
    marks.styles = [.polite, .crawls, .neverReads, .trickles, .sips]
    marks.network.sendCapacity = 6000
    marks.network.receiveCapacity = 6000

    var attack = Workload("attack", mode)
    attack.isHostile = true
    attack.clients = 24
    attack.bytes = 2000
    attack.maximumConnections = 6
    attack.submissionEntries = 16
    attack.completionEntries = 4
    attack.styles = everybody

    var drain = make("drain", mode, .drain)
    drain.styles = everybody + [.slams, .slams, .slams]
    drain.bytes = 5000

    var slam = Workload("slam", mode)
    slam.bytes = 10_000
    slam.usualBytes = 8000
    slam.clients = 8
    slam.styles = [.slams, .polite]
    slam.network.sendCapacity = 1500
    slam.network.receiveCapacity = 1500

    var ponder = make("ponder", mode, .ponder)
    ponder.clients = 14
    ponder.poolBytes = 64 << 10
    ponder.limits.idleTimeout = .seconds(20)
    ponder.bytes = 12_000
    ponder.usualBytes = 6000
    ponder.styles = [.polite, .trickles, .resets, .leaves]

    var gather = make("gather", mode, .gather)
    gather.styles = everybody
    gather.poolBytes = 256 << 10
    gather.clients = 8

    var pinned = Workload("pinned", mode)
    pinned.clients = 8
    pinned.bytes = 20_000
    pinned.usualBytes = 8000
    pinned.zeroCopyThreshold = 300
    pinned.poolBytes = 512 << 10
    pinned.styles = everybody
    pinned.network.sendCapacity = 3000
    pinned.network.receiveCapacity = 3000

    var pinnedSlow = slow
    pinnedSlow.name = "pinned-slow"
    pinnedSlow.zeroCopyThreshold = 300

    var standstill = Workload("standstill", mode)
    standstill.clients = 6
    standstill.bytes = 200
    standstill.styles = [.converses]
    // Longer than anybody thinks, or than a path stands still; shorter than a process does.
    standstill.limits.idleTimeout = .seconds(8)

    var shortage = Workload("shortage", mode)
    shortage.clients = 24
    shortage.bytes = 500
    shortage.network.descriptors = 6

    let common = [
      echo, bulk, churn, once, pressure, ends, timeouts, stop, overflow, hostile, slow, shortage, squeeze, marks,
      attack,
      drain, slam, standstill, pinned, pinnedSlow,
      make("halfclose", mode, .halfClosing), make("greeting", mode, .greeting),
    ]
    switch mode {
    case .handlers:
      var pause = make("pause", mode, .pause)
      // Ends nobody asked for, since nobody is answered.
      pause.styles = [.resets, .slams, .leaves, .neverReads]

      var hoard = make("hoard", mode, .hoard)
      hoard.clients = 12
      hoard.usualBytes = 8000
      hoard.poolBytes = 64 << 10
      hoard.limits.holdTimeout = .milliseconds(50)
      hoard.limits.idleTimeout = .seconds(20)
      hoard.styles = [.polite, .clings, .trickles, .resets, .leaves]
      return common + [hoard, make("fanout", mode, .fanOut), pause]
    case .tasks: return common + [make("timed", mode, .timed), make("proxy", mode, .proxy), ponder, gather]
    }
  }

  private static func make(_ name: String, _ mode: Mode, _ service: Service) -> Workload {
    var workload = Workload(name, mode)
    workload.service = service
    return workload
  }
}
