/// What one connection must do next, as a pure value: events change it, `decide()` says what to submit.
///
/// It knows nothing of descriptors, views or the ring, so that tests can walk every path. The rules it keeps
/// (DESIGN, sections 3, 6 and 9):
/// - one receive armed, one send in flight, at most;
/// - reading pauses while unread or unsent bytes are above their bound;
/// - a descriptor is closed only when the kernel holds no operation on it: cancel first, await the final completion
///   of each, then close;
/// - a graceful close sends what is queued, says so with a FIN, and reads on (discarding) until the peer is done too,
///   because closing on unread bytes would reset the connection and could destroy the last reply.
struct ConnectionMachine {
  /// The bounds of one connection, in bytes.
  struct Limits: Equatable {
    /// Reading pauses at this many unread bytes, and goes on at half of it.
    var readCredit: UInt32
    /// Reading pauses (and `send` suspends) above this many unsent bytes …
    var highWater: UInt32
    /// … and goes on at this many.
    var lowWater: UInt32
    /// Whether unsent bytes pause reading. A handler has no other way to slow its peer; a task suspends in `send`.
    var outputPausesInput: Bool
  }

  struct Flags: OptionSet {
    let rawValue: UInt32
    /// The kernel holds a receive.
    static let receiveArmed = Flags(rawValue: 1 << 0)
    /// It has been asked to give it back.
    static let receiveCancelling = Flags(rawValue: 1 << 1)
    /// The pool was dry: the connection stands in the queue for slots.
    static let starved = Flags(rawValue: 1 << 2)
    /// The peer has ended its stream, or reading failed.
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
    unsent > 0 || !flags.isDisjoint(with: [.outputEnding, .outputFailed, .closing])
      || (wantsReceive && !flags.contains(.receiveArmed))
  }
  /// Whether received bytes go to the user; otherwise they are discarded.
  var delivers: Bool { flags.isDisjoint(with: [.closing, .inputEnded]) }
  /// Whether `send` may still queue.
  var acceptsOutput: Bool { flags.isDisjoint(with: [.closing, .outputEnding, .outputEnded, .outputFailed]) }
  var isAboveHighWater: Bool { flags.contains(.unsentFull) }
  /// Whether the kernel holds an operation of this connection.
  var isWithKernel: Bool { !flags.isDisjoint(with: [.receiveArmed, .sendInFlight, .shutdownInFlight]) }

  private var wantsReceive: Bool {
    guard flags.isDisjoint(with: [.inputEnded, .starved, .aborting, .lingerExpired]) else { return false }
    // While closing, the peer's bytes are read and discarded until it is done too.
    if flags.contains(.closing) { return true }
    var blockers: Flags = [.inputPaused, .unreadFull]
    if limits.outputPausesInput { blockers.insert(.unsentFull) }
    return flags.isDisjoint(with: blockers)
  }

  // MARK: Events of input

  /// A receive completion arrived; `more` is IORING_CQE_F_MORE.
  mutating func receiveCompleted(more: Bool) {
    if !more { flags.subtract([.receiveArmed, .receiveCancelling]) }
  }

  /// The peer ended its stream, or reading failed for good.
  mutating func inputEnd() {
    flags.insert(.inputEnded)
  }

  /// The receive ended because no slot was free.
  mutating func starve() {
    flags.insert(.starved)
  }

  /// Slots are there again. Returns whether the connection will receive into one; by now it may not want to.
  mutating func feed() -> Bool {
    flags.remove(.starved)
    return wantsReceive && !flags.contains(.receiveArmed)
  }

  /// Received bytes wait for the user.
  mutating func queueUnread(_ count: UInt32) {
    unread += count
    if unread >= limits.readCredit { flags.insert(.unreadFull) }
  }

  /// The user took bytes. Returns true when reading may go on because of it.
  mutating func takeUnread(_ count: UInt32) -> Bool {
    unread -= min(count, unread)
    guard flags.contains(.unreadFull), unread <= limits.readCredit / 2 else { return false }
    flags.remove(.unreadFull)
    return true
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

  /// A send ended and took `count` bytes. Returns true when the queue fell to the low-water mark.
  mutating func sendCompleted(_ count: Int) -> Bool {
    flags.subtract([.sendInFlight, .sendCancelling])
    return reduceUnsent(count)
  }

  mutating func sendCancelMissed() {
    flags.remove(.sendCancelling)
  }

  /// Sending is over; what is queued is dropped by the next decision.
  mutating func outputFail() {
    flags.insert(.outputFailed)
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

  /// Half-close: a FIN after the last queued byte.
  mutating func endOutput() {
    flags.insert(.outputEnding)
  }

  mutating func close() {
    flags.insert([.closing, .outputEnding])
  }

  mutating func abort() {
    flags.insert([.closing, .outputEnding, .aborting])
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
        actions.insert(.dropOutput)
      }
      return
    }
    if unsent > 0 {
      if flags.isDisjoint(with: [.sendInFlight, .shutdownInFlight]) {
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
      if !wanted, !flags.contains(.receiveCancelling) {
        flags.insert(.receiveCancelling)
        actions.insert(.cancelReceive)
      }
    } else if wanted {
      flags.insert(.receiveArmed)
      actions.insert(.armReceive)
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
    guard flags.isDisjoint(with: [.receiveArmed, .sendInFlight, .shutdownInFlight]) else { return }
    let flushed = unsent == 0 && (flags.contains(.inputEnded) || flags.contains(.lingerExpired))
    guard flushed || flags.contains(.aborting) else { return }
    flags.insert(.closeSubmitted)
    actions.insert(.closeDescriptor)
  }
}
