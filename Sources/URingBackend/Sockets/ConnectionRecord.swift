internal import IOBuffers
internal import SystemPackage

/// What the engine keeps of one connection. Lives in a slab, is mutated in place, holds no reference that is counted
/// per message.
@safe
struct ConnectionRecord {
  /// What the record's one timer stands for.
  enum TimerPurpose: UInt8 {
    case none
    case idle
    /// close() was asked for, and what is queued must be out by then.
    case flush
    /// The FIN is out; the peer has this long to end its side.
    case linger
  }

  let index: UInt32
  var generation: UInt32 = 0
  var descriptor: Int32 = -1
  var isOpen = false
  /// In the engine's list of connections to settle before the next `enter`.
  var isDirty = false
  /// The connection was aborted and its sink has not been told yet.
  var hasAbortNotice = false
  var timerPurpose = TimerPurpose.none
  var nextDirty: UInt32 = .max
  var machine = ConnectionMachine(
    limits: ConnectionMachine.Limits(readCredit: 0, highWater: 0, lowWater: 0, outputPausesInput: false)
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
  /// Where small views of a long backlog are copied together.
  var gather = GatherSlot()
  var zeroCopy = ZeroCopyUse()

  init(index: UInt32) {
    self.index = index
  }

  var id: ConnectionID { ConnectionID(index: index, generation: generation) }

  func operation(_ kind: OperationKind) -> UInt64 {
    OperationID(kind, index: index, generation: generation).rawValue
  }

  /// The failure as an error, or `kind` when there was none.
  func error(or kind: SocketError.Kind, _ operation: SocketError.Operation) -> SocketError {
    if let failure { return SocketError(failure, failedOperation, peer: peer) }
    return SocketError(kind, operation, peer: peer)
  }
}
