@testable import URingBackend

/// A connection's machine with everything around it as values: the kernel that holds its operations, its one timer, its
/// peer and its user. Every step ends with a decision, whose actions are carried out and checked.
struct MachineWorld {
  enum Timer: Hashable {
    case none
    case flush
    case linger
  }

  enum Event: CaseIterable {
    // The kernel and the peer.
    case receivedMore
    case receivedLast
    case receivedAndTaken
    case receiveStarved
    case receiveCancelled
    case receiveEnd
    case receiveFailed
    case watchReports
    case watchReportsEnd
    case watchReportsFailure
    case watchCancelled
    case watchCancelFound
    case watchCancelMissed
    case receiveCancelFound
    case receiveCancelMissed
    case sentAll
    case sentOne
    case sentNothing
    case sendFailed
    case sendCancelFound
    case sendCancelMissed
    case shutdownDone
    case closeDone
    case timerFires
    case fed
    case blockedInstead
    case unblocked
    case longWait
    // The user.
    case send
    case take
    case pause
    case resume
    case endOutput
    case close
    case abort
    case compact
  }

  /// Which of the events beside the common ones are played. All of them together have too many states to visit; those of
  /// different scopes meet only in the flags of one decision.
  enum Scope: CaseIterable {
    /// The user pauses the input, and a watch stands in for the receive.
    case pauses
    /// The connection waits for slots, or holds its share.
    case waits
    /// What is queued is moved.
    case compactions

    var excluded: Set<Event> {
      let waits: Set<Event> = [.receiveStarved, .fed, .blockedInstead, .unblocked, .longWait]
      switch self {
      case .pauses: return waits.union([.compact, .watchReports])
      case .waits:
        return [
          .compact, .pause, .resume, .receivedLast, .receivedMore, .take, .endOutput, .sentOne, .sentNothing,
          .sendFailed,
        ]
      case .compactions:
        return waits.union([
          .pause, .resume, .watchReports, .receivedMore, .receivedLast, .receivedAndTaken, .take, .receiveEnd,
        ])
      }
    }
  }

  /// What makes two worlds the same.
  struct Key: Hashable {
    let flags: UInt32
    let unread: UInt32
    let unsent: Int
    let kernel: Kernel
    let timer: Timer
    let closes: Int
  }

  struct Kernel: Hashable {
    var holdsReceive = false
    /// Bytes of the send in flight.
    var sending = 0
    var receiveCancels = 0
    var sendCancels = 0
    /// A cancel found it: its completion is on the way.
    var receiveEnds = false
    var sendEnds = false
    var holdsShutdown = false
    var holdsWatch = false
    var watchCancels = 0
    var watchEnds = false
    var holdsClose = false
  }

  var machine: ConnectionMachine
  var kernel = Kernel()
  var timer = Timer.none
  var closes = 0
  private(set) var shutdowns = 0
  /// Rules that the last step broke.
  private(set) var violations: [String] = []

  private let excluded: Set<Event>

  init(limits: ConnectionMachine.Limits, scope: Scope) {
    excluded = scope.excluded
    machine = ConnectionMachine(limits: limits)
    settle()
  }

  var key: Key {
    Key(
      flags: machine.flags.rawValue,
      unread: machine.unread,
      unsent: machine.unsent,
      kernel: kernel,
      timer: timer,
      closes: closes
    )
  }

  var isClosed: Bool { machine.flags.contains(.closed) }

  /// What can happen next. Bytes are bounded, so that the states are.
  var possible: [Event] {
    if isClosed { return [] }
    // The kernel answers a cancel long before it takes a third one.
    if kernel.receiveCancels > 1 { return [.receiveCancelFound, .receiveCancelMissed].filter(isPossible) }
    if kernel.watchCancels > 1 { return [.watchCancelFound, .watchCancelMissed].filter(isPossible) }
    if kernel.sendCancels > 1 { return [.sendCancelFound, .sendCancelMissed].filter(isPossible) }
    return Event.allCases.filter { !excluded.contains($0) && isPossible($0) }
  }

  private func isPossible(_ event: Event) -> Bool {
    switch event {
    case .receivedMore, .receivedLast, .receivedAndTaken: kernel.holdsReceive && machine.unread < 4
    case .receiveStarved, .receiveEnd, .receiveFailed, .receiveCancelled: kernel.holdsReceive
    case .receiveCancelFound: kernel.receiveCancels > 0 && kernel.holdsReceive
    case .receiveCancelMissed: kernel.receiveCancels > 0
    case .watchReports, .watchReportsEnd, .watchReportsFailure, .watchCancelled: kernel.holdsWatch
    case .watchCancelFound: kernel.watchCancels > 0 && kernel.holdsWatch
    case .watchCancelMissed: kernel.watchCancels > 0
    case .sentAll, .sendFailed, .sentNothing: kernel.sending > 0
    case .sentOne: kernel.sending > 1
    case .sendCancelFound: kernel.sendCancels > 0 && kernel.sending > 0
    case .sendCancelMissed: kernel.sendCancels > 0
    case .shutdownDone: kernel.holdsShutdown
    case .closeDone: kernel.holdsClose
    case .timerFires: timer != .none
    case .fed, .blockedInstead: machine.flags.contains(.starved)
    case .unblocked: machine.flags.contains(.blocked)
    case .longWait:
      !machine.flags.isDisjoint(with: [.starved, .blocked]) && !machine.flags.contains(.watchWanted)
    case .send: machine.acceptsOutput && machine.unsent < 3
    case .take: machine.unread > 0 && !machine.flags.contains(.closing)
    case .pause: !machine.flags.contains(.inputPaused)
    case .resume: machine.flags.contains(.inputPaused)
    case .endOutput: !machine.flags.contains(.outputEnding)
    case .close: !machine.flags.contains(.closing)
    case .abort: !machine.flags.contains(.aborting) && !machine.isOver
    case .compact: machine.unsent > 0 && !machine.flags.contains(.compacting) && !machine.isOver
    }
  }

  /// Lets one event happen, and what is decided because of it.
  mutating func happen(_ event: Event) {
    violations = []
    apply(event)
    if !isClosed { settle() }
  }

  private mutating func apply(_ event: Event) {
    switch event {
    case .receivedMore: received(more: true, taken: false)
    case .receivedLast: received(more: false, taken: false)
    case .receivedAndTaken: received(more: true, taken: true)
    case .receiveStarved:
      received(more: false)
      machine.starve()
    case .receiveCancelled: received(more: false)
    case .receiveEnd:
      received(more: false)
      machine.inputEnd()
    case .receiveFailed:
      received(more: false)
      breakOff()
    case .watchReports:
      watched()
      machine.watchCompleted(endWaits: true, isDone: true)
    case .watchReportsEnd:
      watched()
      machine.watchCompleted()
      if !machine.flags.contains(.receiveArmed), !machine.flags.contains(.broken) { machine.inputEnd() }
    case .watchReportsFailure:
      watched()
      machine.watchCompleted()
      if !machine.flags.contains(.receiveArmed) { breakOff() }
    case .watchCancelled:
      watched()
      machine.watchCompleted()
    case .watchCancelFound:
      kernel.watchCancels -= 1
      kernel.watchEnds = true
    case .watchCancelMissed:
      kernel.watchCancels -= 1
      if machine.flags.contains(.watchArmed) { machine.watchCancelMissed() }
    case .receiveCancelFound:
      kernel.receiveCancels -= 1
      kernel.receiveEnds = true
    case .receiveCancelMissed:
      kernel.receiveCancels -= 1
      if machine.flags.contains(.receiveArmed) { machine.receiveCancelMissed() }
    case .sentAll: sent(kernel.sending)
    case .sentOne: sent(1)
    case .sentNothing: sent(0)
    case .sendFailed:
      sent(0)
      breakOff()
    case .sendCancelFound:
      kernel.sendCancels -= 1
      kernel.sendEnds = true
    case .sendCancelMissed:
      kernel.sendCancels -= 1
      if machine.flags.contains(.sendInFlight) { machine.sendCancelMissed() }
    case .shutdownDone:
      kernel.holdsShutdown = false
      machine.shutdownCompleted()
    case .closeDone:
      kernel.holdsClose = false
      machine.closeCompleted()
    case .timerFires: fireTimer()
    case .fed: _ = machine.feed()
    case .blockedInstead: machine.block()
    case .unblocked: machine.unblock()
    case .longWait: machine.watch()
    case .compact: machine.compact()
    case .send: machine.queueUnsent(1)
    case .take: _ = machine.takeUnread(1)
    case .pause: machine.pauseInput(true)
    case .resume: machine.pauseInput(false)
    case .endOutput: machine.endOutput()
    case .close:
      machine.close()
      timer = .flush
    case .abort: abort()
    }
  }

  private mutating func received(more: Bool, taken: Bool? = nil) {
    kernel.holdsReceive = more
    if !more { kernel.receiveEnds = false }
    machine.receiveCompleted(more: more)
    if taken == false, machine.delivers { machine.queueUnread(1) }
  }

  private mutating func sent(_ count: Int) {
    kernel.sending = 0
    kernel.sendEnds = false
    _ = machine.sendCompleted(count)
  }

  private mutating func watched() {
    kernel.holdsWatch = false
    kernel.watchEnds = false
  }

  private mutating func breakOff() {
    machine.breakOff()
    if machine.limits.isHandled { abort() }
  }

  private mutating func abort() {
    machine.abort(resets: true)
  }

  private mutating func fireTimer() {
    switch timer {
    case .flush: abort()
    case .linger: machine.lingerExpire()
    case .none: break
    }
    timer = .none
  }

  // MARK: Decisions

  private mutating func settle() {
    let before = machine
    let actions = machine.decide()
    check(actions, before)
    carryOut(actions)
    let settled = machine
    let again = machine.decide()
    require(again.isEmpty, "a second decision in a row wants \(again)")
    require(machine.flags == settled.flags, "a second decision in a row changes the state")
  }

  private mutating func check(_ actions: ConnectionMachine.Actions, _ before: ConnectionMachine) {
    let flags = before.flags
    require(closes == 0 || actions.isEmpty, "\(actions) is decided after the descriptor was closed")
    if actions.contains(.armReceive) {
      require(!kernel.holdsReceive, "a second receive is armed")
      require(
        flags.isDisjoint(with: [.inputEnded, .starved, .blocked, .aborting]),
        "a receive that nobody wants is armed"
      )
      if !flags.contains(.closing) {
        require(flags.isDisjoint(with: [.inputPaused, .unreadFull]), "a receive is armed on paused input")
      }
      require(before.receiveAllowance > 0, "a receive without a credit would have no limit")
    }
    if actions.contains(.cancelReceive) { require(kernel.holdsReceive, "no receive is there to be cancelled") }
    if actions.contains(.startSend) {
      require(kernel.sending == 0, "a second send is in flight")
      require(before.unsent > 0, "a send of nothing")
      require(!kernel.holdsShutdown && shutdowns == 0, "a send after the FIN")
    }
    if actions.contains(.cancelSend) { require(kernel.sending > 0, "no send is there to be cancelled") }
    if actions.contains(.dropOutput) { require(kernel.sending == 0, "views are dropped that the kernel reads") }
    if actions.contains(.shutdownOutput) {
      require(shutdowns == 0, "a second FIN")
      require(kernel.sending == 0 && before.unsent == 0, "a FIN before the last byte")
    }
    if actions.contains(.startLinger) { require(flags.contains(.closing), "lingers without being closed") }
    if actions.contains(.armWatch) {
      require(!kernel.holdsWatch, "a second watch is armed")
      require(!kernel.holdsReceive && !actions.contains(.armReceive), "a watch beside a receive")
      require(flags.isDisjoint(with: [.broken, .closing]), "a watch that nobody needs")
    }
    if actions.contains(.cancelWatch) { require(kernel.holdsWatch, "no watch is there to be cancelled") }
    if actions.contains(.compactOutput) { require(kernel.sending == 0, "views are moved that the kernel reads") }
    if actions.contains(.closeDescriptor) {
      require(!kernel.holdsWatch, "closed under a watch")
      require(!actions.contains(.dropOutput) || machine.flags.contains(.resets), "a cut stream ends with a FIN")
      require(closes == 0, "the descriptor is closed twice")
      require(!kernel.holdsReceive && !actions.contains(.armReceive), "closed under a receive")
      require(kernel.sending == 0 && !actions.contains(.startSend), "closed under a send")
      require(!kernel.holdsShutdown && !actions.contains(.shutdownOutput), "closed under a shutdown")
      require(before.unsent == 0 || actions.contains(.dropOutput), "closed with views in the queue")
    }
  }

  private mutating func carryOut(_ actions: ConnectionMachine.Actions) {
    if actions.contains(.armReceive) { kernel.holdsReceive = true }
    if actions.contains(.cancelReceive) { kernel.receiveCancels += 1 }
    if actions.contains(.armWatch) { kernel.holdsWatch = true }
    if actions.contains(.cancelWatch) { kernel.watchCancels += 1 }
    if actions.contains(.startSend) { kernel.sending = machine.unsent }
    if actions.contains(.cancelSend) { kernel.sendCancels += 1 }
    if actions.contains(.dropOutput) { _ = machine.dropUnsent(machine.unsent) }
    if actions.contains(.shutdownOutput) {
      kernel.holdsShutdown = true
      shutdowns += 1
    }
    if actions.contains(.startLinger) { timer = .linger }
    if actions.contains(.closeDescriptor) {
      kernel.holdsClose = true
      closes += 1
    }
    require(kernel.holdsReceive == machine.flags.contains(.receiveArmed), "the machine is wrong about its receive")
    require((kernel.sending > 0) == machine.flags.contains(.sendInFlight), "the machine is wrong about its send")
    require(kernel.holdsWatch == machine.flags.contains(.watchArmed), "the machine is wrong about its watch")
    require(
      machine.isWithKernel
        == (kernel.holdsReceive || kernel.sending > 0 || kernel.holdsShutdown || kernel.holdsWatch),
      "isWithKernel"
    )
    require(kernel.receiveCancels <= 2 && kernel.sendCancels <= 2 && kernel.watchCancels <= 2, "cancels pile up")
    // A connection that waits for long, or whose user does not take what is there, is watched until it ends.
    let waits: ConnectionMachine.Flags = [.unreadFull, .inputPaused, .watchWanted, .inputEnded]
    let isNoticed: ConnectionMachine.Flags = [.receiveArmed, .watchArmed, .watchDone, .broken, .closing]
    require(
      machine.flags.isDisjoint(with: waits) || !machine.flags.isDisjoint(with: isNoticed),
      "the end would go unnoticed"
    )
  }

  private mutating func require(_ condition: Bool, _ rule: @autoclosure () -> String) {
    if !condition { violations.append(rule()) }
  }
}
