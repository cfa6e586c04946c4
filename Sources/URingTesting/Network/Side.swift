internal import URingBackend

/// One end of a connection, with what comes to it.
///
/// Sides come in pairs: the one with the even index connects, the odd one behind it is accepted.
struct Side: Sendable {
  enum State: UInt8, Sendable {
    /// Nobody has it.
    case free
    /// A socket that was not connected yet.
    case fresh
    case connecting
    case established
    /// Both directions are over, or it was reset, or its connect has failed: TCP_CLOSE.
    case closed
  }

  struct Flags: OptionSet, Sendable {
    let rawValue: UInt16

    /// The FIN has come: SOCK_DONE.
    static let inputEnded = Flags(rawValue: 1)
    /// RCV_SHUTDOWN by this side's own wish, or because all is over.
    static let inputShut = Flags(rawValue: 1 << 1)
    /// SEND_SHUTDOWN.
    static let outputShut = Flags(rawValue: 1 << 2)
    /// A FIN was sent.
    static let endSent = Flags(rawValue: 1 << 3)
    /// What it sent and has not arrived will not: it was reset.
    static let outputDropped = Flags(rawValue: 1 << 4)
    /// A send met a full buffer: SOCK_NOSPACE.
    static let wantsSpace = Flags(rawValue: 1 << 5)
    /// SO_LINGER with zero seconds.
    static let resetsOnClose = Flags(rawValue: 1 << 6)
    /// Its program has closed it.
    static let abandoned = Flags(rawValue: 1 << 7)
    /// It belongs to no descriptor, but to who plays the peers.
    static let isPeer = Flags(rawValue: 1 << 8)
    /// It waits in a listener's backlog.
    static let isInBacklog = Flags(rawValue: 1 << 9)
    static let arrivalScheduled = Flags(rawValue: 1 << 10)
    static let acknowledgementScheduled = Flags(rawValue: 1 << 11)
    /// A connect was told how it came out.
    static let connectTold = Flags(rawValue: 1 << 12)
    /// It was reset by the other end or by the path, or never came about. Stays when a call has taken the error.
    static let hasFailed = Flags(rawValue: 1 << 13)
    /// A reset is under way to it.
    static let resetScheduled = Flags(rawValue: 1 << 14)
  }

  var state = State.free
  var flags: Flags = []
  /// Counts the lives of the pair.
  var generation: UInt32 = 0
  /// The descriptor, or -1.
  var descriptor: Int32 = -1
  /// sk_err: a positive errno value, until a call takes it.
  var error: Int32 = 0
  var local: SocketAddress?
  var remote: SocketAddress?
  /// All bytes that the other side has sent and this one has not read, first those that have arrived.
  var input = ByteQueue()
  /// How many of them have arrived.
  var available = 0
  /// How much has ever arrived. A FIN counts as one.
  var arrived: UInt64 = 0
  /// How much this side has sent, a FIN counting as one.
  var written: UInt64 = 0
  /// How much of that the other side has acknowledged.
  var acknowledged: UInt64 = 0
  var sendCapacity = 0
  var receiveCapacity = 0
  /// Nothing arrives before this time.
  var cloggedUntil: UInt64 = 0
  /// How many SYNs were sent.
  var attempts = 0

  /// Sent to this side, and not here yet.
  var underWay: Int { input.count - available }
  /// How many of these bytes would fit.
  var deliverable: Int { max(0, min(underWay, receiveCapacity - available)) }
  var unacknowledged: Int { Int(written - acknowledged) }
  var space: Int { max(0, sendCapacity - unacknowledged) }
  /// A third of the buffer is free: sk_stream_is_writeable. Verified on loopback: space is reported at 68 % of what was full.
  var isWritable: Bool { space > 0 && space * 2 >= unacknowledged }
  var inputIsOver: Bool { !flags.isDisjoint(with: [.inputEnded, .inputShut]) }

  /// Begins another life. The memory of the input is kept.
  mutating func clear() {
    var next = Side()
    next.generation = generation &+ 1
    swap(&next.input, &input)
    next.input.removeAll()
    self = next
  }
}
