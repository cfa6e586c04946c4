/// What one connection must do next, as a pure value: events change it, `decide()` says what to submit.
///
/// It knows nothing of descriptors, views or the ring, so that tests can walk every path. The rules it keeps:
/// - one receive armed, one send in flight, at most;
/// - reading pauses while unread or unsent bytes are above their bound;
/// - a descriptor is closed only when the kernel holds no operation on it: cancel first, await the final completion
///   of each, then close;
/// - a graceful close sends what is queued, says so with a FIN, and reads on (discarding) until the peer is done too,
///   because closing on unread bytes would reset the connection and could destroy the last reply;
/// - who drops bytes resets, so that a peer can tell a whole stream from a cut one (RFC 9293, 3.10.5);
/// - while no receive is armed, a watch is: ends are noticed without memory, and after the end of the input.
///
/// How a connection ends, in its words: the peer's *end of stream* ends the input alone (`inputEnd`); a *reset* or another
/// *failure* ends both directions (`breakOff`); *closed by us* is `close`; *given up* is `abort`.
struct ConnectionMachine {
  /// The bounds of one connection, in bytes.
  struct Limits: Equatable {
    /// Reading pauses at this many unread bytes, and goes on at half of it.
    var readCredit: UInt32
    /// Reading pauses (and `send` suspends) above this many unsent bytes …
    var highWater: UInt32
    /// … and goes on at this many.
    var lowWater: UInt32
    /// Whether a handler serves the connection. It has no other way to slow its peer, so unsent bytes pause reading (a task
    /// suspends in `send`); and nobody else would close when both directions are over (a task returns).
    var isHandled: Bool
  }

  struct Flags: OptionSet {
    let rawValue: UInt32
    /// The kernel holds a receive.
    static let receiveArmed = Flags(rawValue: 1 << 0)
    /// It has been asked to give it back.
    static let receiveCancelling = Flags(rawValue: 1 << 1)
    /// The connection stands in the line for slots.
    static let starved = Flags(rawValue: 1 << 2)
    /// The peer has ended its stream, or the connection is broken.
    static let inputEnded = Flags(rawValue: 1 << 3)
    /// The user asked not to read for now.
    static let inputPaused = Flags(rawValue: 1 << 4)
    static let unreadFull = Flags(rawValue: 1 << 5)
    static let unsentFull = Flags(rawValue: 1 << 6)
    static let sendInFlight = Flags(rawValue: 1 << 7)
    static let sendCancelling = Flags(rawValue: 1 << 8)
    static let shutdownInFlight = Flags(rawValue: 1 << 9)
    /// A FIN is to follow the last queued byte.
    static let outputEnding = Flags(rawValue: 1 << 10)
    /// The FIN is out.
    static let outputEnded = Flags(rawValue: 1 << 11)
    /// Sending failed: nothing can go out any more.
    static let outputFailed = Flags(rawValue: 1 << 12)
    /// Nobody will use the connection again.
    static let closing = Flags(rawValue: 1 << 13)
    /// … and what is queued is not worth waiting for.
    static let aborting = Flags(rawValue: 1 << 14)
    /// The linger deadline was armed.
    static let lingering = Flags(rawValue: 1 << 18)
    static let lingerExpired = Flags(rawValue: 1 << 15)
    static let closeSubmitted = Flags(rawValue: 1 << 16)
    static let closed = Flags(rawValue: 1 << 17)
    /// Under pressure: the connection holds all that it may hold of the pool.
    static let blocked = Flags(rawValue: 1 << 19)
    /// The kernel holds a poll that reports the end of a connection that does not receive.
    static let watchArmed = Flags(rawValue: 1 << 20)
    static let watchCancelling = Flags(rawValue: 1 << 21)
    /// The connection may wait for long: it is to be watched.
    static let watchWanted = Flags(rawValue: 1 << 22)
    /// The peer's end of stream stands behind bytes that there is no room for: no need to report it again.
    static let endWaits = Flags(rawValue: 1 << 23)
    /// What is queued is to be moved out of the slots that it pins, before it goes on.
    static let compacting = Flags(rawValue: 1 << 24)
    /// Bytes were dropped: the descriptor is closed with a reset.
    static let resets = Flags(rawValue: 1 << 25)
    /// A reset or failure ended both directions.
    static let broken = Flags(rawValue: 1 << 26)
    /// The watch has reported all that it can without the connection's receiving.
    static let watchDone = Flags(rawValue: 1 << 27)
    /// The receive that the kernel holds is to be replaced by one of another kind.
    static let exchanging = Flags(rawValue: 1 << 28)
    /// What comes is sent on another connection, whose unsent bytes pause the input: not those of this one.
    static let relayed = Flags(rawValue: 1 << 29)
    /// The send that the kernel holds is to be given back, and others go on.
    static let withdrawing = Flags(rawValue: 1 << 30)
  }

  /// What is to be submitted or done now. Each is named once; the flags already say that it happened.
  struct Actions: OptionSet {
    let rawValue: UInt16
    static let armReceive = Actions(rawValue: 1 << 0)
    static let cancelReceive = Actions(rawValue: 1 << 1)
    static let startSend = Actions(rawValue: 1 << 2)
    static let cancelSend = Actions(rawValue: 1 << 3)
    static let shutdownOutput = Actions(rawValue: 1 << 4)
    static let dropOutput = Actions(rawValue: 1 << 5)
    static let closeDescriptor = Actions(rawValue: 1 << 6)
    /// Arm the linger deadline: the FIN is out and the peer has not ended its side.
    static let startLinger = Actions(rawValue: 1 << 7)
    static let armWatch = Actions(rawValue: 1 << 8)
    static let cancelWatch = Actions(rawValue: 1 << 9)
    /// Move what is queued; comes before `startSend`.
    static let compactOutput = Actions(rawValue: 1 << 10)
  }

  var flags: Flags = []
  /// Bytes received that the user has not taken.
  private(set) var unread: UInt32 = 0
  /// Bytes accepted from the user that the kernel has not reported as sent.
  private(set) var unsent: Int = 0
  var limits: Limits

  init(limits: Limits) {
    self.limits = limits
  }

  // MARK: Questions

  /// Bytes that the next receive may take before it ends by itself: what is left of the credit; at least one.
  var receiveAllowance: UInt32 {
    if flags.contains(.closing) { return limits.readCredit }
    return unread < limits.readCredit ? limits.readCredit - unread : 1
  }
  /// Whether the armed receive is no longer wanted.
  var mustPauseInput: Bool {
    flags.contains(.receiveArmed) && !flags.contains(.receiveCancelling) && !wantsReceive
  }
  /// Whether the end of a send leaves something to decide.
  var hasWorkAfterSend: Bool {
    unsent > 0 || !flags.isDisjoint(with: [.outputEnding, .outputFailed, .closing, .blocked])
      || (wantsReceive && !flags.contains(.receiveArmed))
  }
  /// Whether received bytes go to the user; otherwise they are discarded.
  var delivers: Bool { flags.isDisjoint(with: [.closing, .inputEnded]) }
  /// Whether `send` may still queue.
  var acceptsOutput: Bool { flags.isDisjoint(with: [.closing, .outputEnding, .outputEnded, .outputFailed]) }
  var isAboveHighWater: Bool { flags.contains(.unsentFull) }
  /// Whether more is unsent than should be, and the kernel has been offered some of it: what was queued since the turn began says
  /// nothing about the peer.
  var isSlow: Bool { flags.isSuperset(of: [.unsentFull, .sendInFlight]) }
  /// Whether the kernel holds an operation of this connection.
  var isWithKernel: Bool { !flags.isDisjoint(with: [.receiveArmed, .sendInFlight, .shutdownInFlight, .watchArmed]) }
  /// Whether nobody may ask anything of the connection any more: its descriptor is on its way to be closed.
  var isOver: Bool { !flags.isDisjoint(with: [.closeSubmitted, .closed]) }

  private var wantsReceive: Bool {
    guard flags.isDisjoint(with: [.inputEnded, .starved, .blocked, .aborting, .lingerExpired]) else { return false }
    // While closing, the peer's bytes are read and discarded until it is done too.
    if flags.contains(.closing) { return true }
    var blockers: Flags = [.inputPaused, .unreadFull]
    if limits.isHandled, !flags.contains(.relayed) { blockers.insert(.unsentFull) }
    return flags.isDisjoint(with: blockers)
  }

  /// Whether the end of the connection would go unnoticed. While unsent bytes pause the input, the send tells.
  private var wantsWatch: Bool {
    !planted(.missesStarvedEnd) && flags.isDisjoint(with: [.receiveArmed, .broken, .closing, .watchDone])
      && !flags.isDisjoint(with: [.watchWanted, .unreadFull, .inputPaused, .inputEnded])
  }

  // MARK: Events of input

  /// A receive completion arrived; `more` is IORING_CQE_F_MORE.
  mutating func receiveCompleted(more: Bool) {
    if !more { flags.subtract([.receiveArmed, .receiveCancelling, .exchanging]) }
  }

  /// The next receive is of another kind than the last: into the user's own memory, or no longer. One that the kernel holds is
  /// taken back first. Whoever receives into memory of its own needs no slot, and waits for none.
  mutating func exchangeReceive() {
    flags.subtract([.starved, .blocked, .watchWanted])
    if flags.contains(.receiveArmed) { flags.insert(.exchanging) }
  }

  /// The peer ended its stream.
  mutating func inputEnd() {
    flags.insert(.inputEnded)
  }

  /// The peer reset the connection, or it failed for good: both directions are over.
  mutating func breakOff() {
    flags.insert([.inputEnded, .outputFailed, .broken])
  }

  /// The connection joins the line for slots: the receive ended because there was none, or was not armed because others
  /// wait already.
  mutating func starve() {
    flags.remove(.receiveArmed)
    flags.insert(.starved)
  }

  /// Its turn has come. Returns whether the connection will receive; by now it may not want to.
  mutating func feed() -> Bool {
    flags.subtract([.starved, .watchWanted])
    return wantsReceive && !flags.contains(.receiveArmed)
  }

  /// Its turn has come, but it holds all that it may hold.
  mutating func block() {
    flags.remove(.starved)
    flags.insert(.blocked)
  }

  /// It may hold less by now: it joins the line again.
  mutating func unblock() {
    flags.remove(.blocked)
    flags.insert(.starved)
  }

  /// It waits for long.
  mutating func watch() {
    flags.insert(.watchWanted)
  }

  /// The watch reported, or was cancelled.
  /// - Parameters:
  ///   - endWaits: the peer has ended its stream, and there are bytes before that.
  ///   - isDone: another watch would report the same at once, for ever.
  mutating func watchCompleted(endWaits: Bool = false, isDone: Bool = false) {
    flags.subtract([.watchArmed, .watchCancelling])
    if endWaits { flags.insert(.endWaits) }
    if isDone { flags.insert(.watchDone) }
  }

  mutating func watchCancelMissed() {
    flags.remove(.watchCancelling)
  }

  /// Received bytes wait for the user.
  mutating func queueUnread(_ count: UInt32) {
    unread += count
    if unread >= limits.readCredit, !planted(.ignoresCredit) { flags.insert(.unreadFull) }
  }

  /// The user took bytes. Returns true when reading may go on because of it.
  mutating func takeUnread(_ count: UInt32) -> Bool {
    unread -= min(count, unread)
    guard flags.contains(.unreadFull), unread <= limits.readCredit / 2 else { return flags.contains(.blocked) }
    flags.remove(.unreadFull)
    return true
  }

  /// Received bytes are dropped: nobody will take them.
  mutating func dropUnread() {
    unread = 0
    flags.remove(.unreadFull)
  }

  /// The cancel request found nothing to cancel, or found it busy: if the receive still stands, ask again.
  mutating func receiveCancelMissed() {
    flags.remove(.receiveCancelling)
  }

  // MARK: Events of output

  mutating func queueUnsent(_ count: Int) {
    unsent += count
    if unsent > Int(limits.highWater) { flags.insert(.unsentFull) }
  }

  /// Bytes were not queued, because output is over. What was on its way when the connection was given up is dropped like
  /// what was queued: a task may have been between its receive and its send.
  mutating func refuseUnsent(_ count: Int) {
    if count > 0, flags.contains(.aborting) { flags.insert(.resets) }
  }

  /// A send ended and took `count` bytes. Returns true when the queue fell to the low-water mark.
  mutating func sendCompleted(_ count: Int) -> Bool {
    flags.subtract([.sendInFlight, .sendCancelling, .withdrawing])
    return reduceUnsent(count)
  }

  /// So many bytes of the send in flight are with the kernel; it goes on. Returns true when the queue fell to the low-water
  /// mark.
  mutating func noteSent(_ count: Int) -> Bool {
    reduceUnsent(count)
  }

  /// What the send in flight stands for is gone: it is to be taken back.
  mutating func withdrawSend() {
    if flags.contains(.sendInFlight) { flags.insert(.withdrawing) }
  }

  mutating func sendCancelMissed() {
    flags.remove(.sendCancelling)
  }

  /// What is queued is to be moved out of the slots that it pins.
  mutating func compact() {
    if unsent > 0 { flags.insert(.compacting) }
  }

  /// The queue was dropped.
  mutating func dropUnsent(_ count: Int) -> Bool {
    reduceUnsent(count)
  }

  private mutating func reduceUnsent(_ count: Int) -> Bool {
    unsent -= count
    guard flags.contains(.unsentFull), unsent <= Int(limits.lowWater) else { return false }
    flags.remove(.unsentFull)
    return true
  }

  mutating func shutdownCompleted() {
    flags.remove(.shutdownInFlight)
    flags.insert(.outputEnded)
  }

  // MARK: Requests of the user

  mutating func pauseInput(_ paused: Bool) {
    if paused { flags.insert(.inputPaused) } else { flags.remove(.inputPaused) }
  }

  /// What comes goes to another connection from now on.
  mutating func relay() {
    flags.insert(.relayed)
  }

  /// Half-close: a FIN after the last queued byte.
  mutating func endOutput() {
    flags.insert(.outputEnding)
  }

  mutating func close() {
    flags.insert([.closing, .outputEnding])
  }

  /// Gives the connection up. `resets`: also if no byte is dropped, because the stream was not complete. Bytes that nobody
  /// took are dropped like those that nobody sent.
  mutating func abort(resets: Bool) {
    flags.insert([.closing, .outputEnding, .aborting])
    if resets || unread > 0 { flags.insert(.resets) }
  }

  /// The peer had its time to end its side.
  mutating func lingerExpire() {
    flags.insert(.lingerExpired)
  }

  mutating func closeCompleted() {
    flags.insert(.closed)
  }

  // MARK: Decision

  /// What is to be done now. The caller must carry out every action that is returned.
  mutating func decide() -> Actions {
    guard !flags.contains(.closeSubmitted) else { return [] }
    let isOver = limits.isHandled && flags.isSuperset(of: [.inputEnded, .outputEnded])
    if isOver, !planted(.staysHalfOpen) { close() }
    // With nothing left to send and nobody to deliver to, there is no reason to be gentle.
    if flags.isSuperset(of: [.closing, .outputFailed]) { flags.insert(.aborting) }
    var actions: Actions = []
    decideOutput(&actions)
    decideInput(&actions)
    if flags.contains(.closing) { decideClose(&actions) }
    return actions
  }

  private mutating func decideOutput(_ actions: inout Actions) {
    if !flags.isDisjoint(with: [.aborting, .outputFailed]) {
      if flags.contains(.sendInFlight) {
        if !flags.contains(.sendCancelling) {
          flags.insert(.sendCancelling)
          actions.insert(.cancelSend)
        }
      } else if unsent > 0 {
        if !planted(.dropsWithoutReset) { flags.insert(.resets) }
        actions.insert(.dropOutput)
      }
      return
    }
    if flags.contains(.withdrawing), !flags.contains(.sendCancelling) {
      flags.insert(.sendCancelling)
      actions.insert(.cancelSend)
    }
    let endsEarly = planted(.endsOutputEarly) && flags.contains(.outputEnding) && !flags.contains(.outputEnded)
    if unsent > 0, !endsEarly {
      if flags.contains(.compacting) {
        if flags.isDisjoint(with: [.sendInFlight]) || planted(.compactsInFlight) {
          flags.remove(.compacting)
          actions.insert(.compactOutput)
        } else if !flags.contains(.sendCancelling) {
          flags.insert(.sendCancelling)
          actions.insert(.cancelSend)
        }
      }
      if flags.isDisjoint(with: planted(.sendsTwice) ? .shutdownInFlight : [.sendInFlight, .shutdownInFlight]) {
        flags.insert(.sendInFlight)
        actions.insert(.startSend)
      }
    } else if flags.contains(.outputEnding), flags.isDisjoint(with: [.sendInFlight, .shutdownInFlight, .outputEnded]) {
      // When both sides are done, close() itself sends the FIN.
      if flags.contains(.closing), flags.contains(.inputEnded) { return }
      flags.insert(.shutdownInFlight)
      actions.insert(.shutdownOutput)
    }
  }

  private mutating func decideInput(_ actions: inout Actions) {
    let wanted = wantsReceive
    if flags.contains(.receiveArmed) {
      if !wanted || flags.contains(.exchanging), !flags.contains(.receiveCancelling) {
        flags.insert(.receiveCancelling)
        actions.insert(.cancelReceive)
      }
    } else if wanted {
      flags.insert(.receiveArmed)
      actions.insert(.armReceive)
    }
    if wantsWatch, !flags.contains(.watchArmed) {
      flags.insert(.watchArmed)
      actions.insert(.armWatch)
    }
  }

  private mutating func decideClose(_ actions: inout Actions) {
    // From the FIN on, which a half-close may have sent long ago, the peer's time to end its side runs.
    if flags.isDisjoint(with: [.lingering, .inputEnded, .aborting]),
      !flags.isDisjoint(with: [.shutdownInFlight, .outputEnded])
    {
      flags.insert(.lingering)
      actions.insert(.startLinger)
    }
    if flags.contains(.watchArmed), !flags.contains(.watchCancelling) {
      flags.insert(.watchCancelling)
      actions.insert(.cancelWatch)
    }
    guard !isWithKernel || planted(.closesBeforeLastCompletion) else { return }
    let flushed = unsent == 0 && (flags.contains(.inputEnded) || flags.contains(.lingerExpired))
    guard flushed || flags.contains(.aborting) else { return }
    flags.insert(.closeSubmitted)
    actions.insert(.closeDescriptor)
  }
}
