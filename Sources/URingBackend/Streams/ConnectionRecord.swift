internal import CLiburing
internal import Glibc
internal import IOBuffers
internal import SystemPackage

/// What the engine keeps of one connection. Lives in a slab, is mutated in place, holds no reference that is counted
/// per message.
@safe
struct ConnectionRecord {
  /// What the record's one timer stands for.
  enum TimerPurpose: UInt8 {
    case none
    /// A look at the input, a moment after the connection was opened.
    case look
    case idle
    /// The idle timer was late, because the loop had stood still: what waited is served first.
    case reprieve
    /// close() was asked for, and what is queued must be out by then.
    case flush
    /// The FIN is out, and the peer has not acknowledged everything.
    case acknowledge
    /// It has; it has this long to end its side.
    case linger
  }

  let index: UInt32
  var generation: UInt32 = 0
  var descriptor: Int32 = -1
  var isOpen = false
  /// In the engine's list of connections to settle before the next `enter`.
  var isDirty = false
  /// Both directions are over, and the sink has not been told yet.
  var hasEndNotice = false
  var timerPurpose = TimerPurpose.none
  var nextDirty: UInt32 = .max
  var machine = ConnectionMachine(
    limits: ConnectionMachine.Limits(readCredit: 0, highWater: 0, lowWater: 0, isHandled: false)
  )
  var sendQueue = ViewQueue()
  var sink: Unmanaged<ConnectionSink>?
  /// Why the connection broke, for whoever asks next.
  var failure: SocketError.Kind?
  var failedOperation = SocketError.Operation.receive
  var peer: SocketAddress?
  var timer: TimerQueue<LoopTimer>.Handle?
  var timeouts = ConnectionSettings.Timeouts()
  /// The loop's clock when bytes last moved.
  var lastActivity: UInt64 = 0
  /// The last activity after which the idle timer had its reprieve.
  var reprieved: UInt64 = .max
  /// What the peer had acknowledged when the timer looked last (see `StreamEngine+Timers.swift`).
  var acknowledged: UInt32 = 0
  /// The engine's `waitClock` when the connection began to wait for slots; zero: it does not.
  var waitingSince: UInt64 = 0
  /// What the next receive may take, because it is the connection's turn; zero: it is not.
  var portion: UInt32 = 0
  /// Stands in the engine's list of those that hold their share.
  var isListed = false
  /// The last receive left bytes behind.
  var pushes = false
  /// Which kind of receive the kernel holds, if it holds one.
  var receiveKind = OperationKind.receive
  /// Which kind of send the kernel holds, if it holds one that is not zero-copy.
  var sendKind = OperationKind.send
  /// The peer may pass descriptors, and the engine has a `DescriptorTraffic` of the connection.
  var receivesDescriptors = false
  /// Descriptors are to be passed with some byte of what is queued, and the engine has a `DescriptorTraffic`.
  var passesDescriptors = false
  /// Its sink is told what the kernel took of what was sent.
  var reportsSent = false
  /// What comes is not for its sink but for another connection; the engine has a `Relay` of it.
  var isRelayed = false
  /// The flags of plain sends.
  ///
  /// MSG_WAITALL lets the kernel go on by itself when the socket's buffer is full, which saves a completion and a submission
  /// each time; MSG_NOSIGNAL because a peer that resets must not end the process.
  var sendFlags = Int32(MSG_NOSIGNAL) | Int32(MSG_WAITALL)
  /// What copies are charged to; `noAccount` until there is one.
  var account = ConnectionRecord.noAccount
  /// The loop's number, for names.
  let loop: UInt32
  var zeroCopy = ZeroCopyUse()
  /// The send in flight is a poll for room for a file.
  var isFilePolled = false
  /// The loop's turn in which a file had its turn here. Another one waits for the next.
  var fileTurn: UInt32 = 0
  /// The first of the files that are to be sent behind what is queued.
  var files = FileSends.none

  /// No account has this name.
  static let noAccount: UInt32 = 0

  init(index: UInt32, loop: UInt32) {
    self.index = index
    self.loop = loop
  }

  var id: ConnectionID { ConnectionID(index: index, generation: generation, loop: loop) }

  /// What is different on a Unix socket: nobody says how far the peer has come inside of one send, so none goes on by itself
  /// (see `StreamEngine+Timers.swift`); and the kernel refuses zero-copy sends there.
  mutating func becomeUnix() {
    sendFlags = Int32(MSG_NOSIGNAL)
    zeroCopy.switchOff()
  }

  /// The record's life is over: nothing of it is left for the next one, except its place among those to be settled.
  mutating func clear() {
    var fresh = ConnectionRecord(index: index, loop: loop)
    fresh.generation = planted(.keepsGeneration) ? generation : (generation &+ 1) & OperationID.generationMask
    if planted(.keepsEndNotice) { fresh.hasEndNotice = hasEndNotice }
    fresh.isDirty = isDirty
    fresh.nextDirty = nextDirty
    self = fresh
  }

  func operation(_ kind: OperationKind) -> UInt64 {
    OperationID(kind, index: index, generation: generation).rawValue
  }

  /// The failure as an error, or `kind` when there was none.
  func error(or kind: SocketError.Kind, _ operation: SocketError.Operation) -> SocketError {
    if let failure { return SocketError(failure, failedOperation, peer: peer) }
    return SocketError(kind, operation, peer: peer)
  }
}
