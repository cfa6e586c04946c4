internal import DequeModule
internal import IOBuffers
internal import NIOCore
internal import Synchronization
@_spi(Bridging) internal import URingBackend

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// A channel of SwiftNIO over one stream socket of a loop: TCP or Unix.
///
/// What is written is sent from where it lies, and what is received is copied once, into a buffer of the channel's allocator.
final class RingStreamChannel: RingChannel, @unchecked Sendable {
  // Why unchecked: as its superclass.

  /// Who has the descriptor.
  enum Holder {
    case channel(CInt)
    /// The loop, which connects it. The channel may name it meanwhile.
    case attempt(CInt, name: UInt32?)
    case transport(StreamChannelTransport)
    case nobody
  }

  /// How far the close of the output has come.
  enum OutputClose {
    case open
    /// It waits for what is written.
    case waiting(EventLoopPromise<Void>?)
    case closed
  }

  /// A close that waits for what was flushed.
  struct PendingClose {
    var error: any Error
    var promise: EventLoopPromise<Void>?
    /// So many turns at most.
    var turns = 2
  }

  /// Bytes that may wait for somebody to read them before the socket is not read any more.
  static let mostParked = 256 << 10

  /// What is used for each message, and what belongs to it.
  struct State: ~Copyable {
    var holder: Holder

    // Connecting.
    var connectTimeout: TimeAmount?
    var pendingConnect: EventLoopPromise<Void>?

    // Writing.
    var writes = PendingWrites()
    var outgoing: OutgoingViews
    var outputClose = OutputClose.open
    var isSettlingWrites = false
    /// Kept for those who ask: the ring does not spin.
    var writeSpins: UInt = 16

    // Reading.
    var parked = Deque<ByteBuffer>()
    var allowsHalfClosure = false
    var isInputClosed = false
    /// The peer has ended its stream; handlers hear of it behind what is parked.
    var isAtEnd = false

    // Closing.
    var pendingClose: PendingClose?
    /// Nothing can be sent or received any more.
    var isBroken = false
    var resetsOnClose = false

    init(_ holder: Holder, on loop: RingEventLoop) {
      self.holder = holder
      outgoing = OutgoingViews(loop.sluice.arena, loop.tenant.pins)
    }
  }

  private let plainState: PlainState<State>
  private let writability = Atomic<Bool>(true)

  var state: State {
    @inline(__always)
    unsafeAddress { unsafe plainState.pointer }
    @inline(__always)
    unsafeMutableAddress { unsafe plainState.mutablePointer }
  }

  var limits: ConnectionLimits {
    var limits = ConnectionLimits()
    // A handler of SwiftNIO's does that.
    limits.idleTimeout = nil
    limits.unreadBytes = RingStreamChannel.mostParked
    return limits
  }

  /// - Parameter socket: neither connected nor registered, or connected by somebody else; the channel's from here on.
  init(socket: CInt, loop: RingEventLoop, parent: (any Channel)? = nil, isUnix: Bool) {
    plainState = PlainState(State(.channel(socket), on: loop))
    super.init(
      loop,
      parent: parent,
      isUnix: isUnix,
      local: SocketNames.local(of: socket),
      remote: SocketNames.peer(of: socket)
    )
  }

  deinit {
    if case .channel(let socket) = state.holder { SystemCalls.close(socket) }
  }

  override var isWritable: Bool { writability.load(ordering: .relaxed) }

  func publishWritability() { writability.store(state.writes.isWritable, ordering: .relaxed) }

  override func withDescriptor<R>(_ body: (CInt) throws -> R) throws -> R {
    switch state.holder {
    case .channel(let socket), .attempt(let socket, _): return try body(socket)
    case .transport(let transport):
      guard let result = try transport.withDescriptor(body) else { throw ChannelError.ioOnClosedChannel }
      return result
    case .nobody: throw ChannelError.ioOnClosedChannel
    }
  }

  override func begin() -> Bool {
    guard case .channel(let socket) = state.holder else { return false }
    let transport = StreamChannelTransport(self)
    state.holder = .transport(transport)
    guard loop.sluice.adopt(socket, transport, limits: limits) else {
      state.holder = .nobody
      return false
    }
    return true
  }

  override func activated() { handOver() }

  override func turnPassed() { closeLater() }

  // MARK: Options

  override func lingerChanged(_ linger: linger) { state.resetsOnClose = linger.l_onoff != 0 && linger.l_linger == 0 }

  override func setOwnOption<Option: ChannelOption>(_ option: Option, _ value: Option.Value) throws -> Bool {
    switch option {
    case is ChannelOptions.Types.AllowRemoteHalfClosureOption: state.allowsHalfClosure = try given(value)
    case is ChannelOptions.Types.WriteSpinOption: state.writeSpins = try given(value)
    case is ChannelOptions.Types.WriteBufferWaterMarkOption: state.writes.marks = try given(value)
    case is ChannelOptions.Types.ConnectTimeoutOption: state.connectTimeout = try given(value)
    default: return false
    }
    return true
  }

  override func ownOption<Option: ChannelOption>(_ option: Option) throws -> Option.Value? {
    switch option {
    case is ChannelOptions.Types.AllowRemoteHalfClosureOption: try given(state.allowsHalfClosure)
    case is ChannelOptions.Types.WriteSpinOption: try given(state.writeSpins)
    case is ChannelOptions.Types.WriteBufferWaterMarkOption: try given(state.writes.marks)
    case is ChannelOptions.Types.ConnectTimeoutOption: try given(state.connectTimeout)
    case is ChannelOptions.Types.BufferedWritableBytesOption: try given(state.writes.bytes)
    default: nil
    }
  }

  // MARK: Requests

  override func bind0(to address: NIOCore.SocketAddress, promise: EventLoopPromise<Void>?) {
    guard life.isOpen else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    completing(promise) {
      try withDescriptor { try StreamSockets.bind($0, to: address) }
      setAddresses(local: try localAddress0(), remote: remoteAddress)
    }
  }

  override func connect0(to address: NIOCore.SocketAddress, promise: EventLoopPromise<Void>?) {
    connect(to: address, promise)
  }

  override func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) { write(data, promise) }

  override func flush0() { flushWrites() }

  override func read0() { if !state.isInputClosed { super.read0() } }

  override func readIfNeeded0() { if !state.isInputClosed { super.readIfNeeded0() } }

  override func readWanted() { if !state.parked.isEmpty { awaitTurn() } }

  override func deliverNext() -> Bool { deliverParked() }

  override func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard life.isOpen else {
      promise?.fail(ChannelError.alreadyClosed)
      return
    }
    switch mode {
    case .output: closeOutput(error, promise)
    case .input: closeInput(error, promise)
    case .all: closeAll(error, promise)
    }
  }

  override func release(_ error: any Error, finish: @escaping @Sendable () -> Void) {
    releaseSocket()
    // Whoever waits may write, which fails by now.
    for promise in state.writes.removeUnsent() { promise.fail(error) }
    if case .waiting(let promise) = state.outputClose { promise?.fail(error) }
    state.outputClose = .closed
    state.pendingConnect.take()?.fail(error)
    finish()
  }
}

/// Does it, and says so.
func completing(_ promise: EventLoopPromise<Void>?, _ body: () throws -> Void) {
  do {
    try body()
    promise?.succeed(())
  } catch {
    promise?.fail(error)
  }
}
