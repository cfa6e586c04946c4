internal import IOBuffers
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Synchronization
@_spi(Bridging) internal import URingBackend

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// What the channels of this package have in common: their life, their place in a pipeline, what anybody may ask them, and reading
/// in batches.
///
/// What SwiftNIO's `Channel` offers to any thread may be used from any thread; `ChannelCore`, and all that is not of either
/// protocol, is for the loop's.
class RingChannel: Channel, ChannelCore, @unchecked Sendable {
  // Why unchecked: constants, a lock and an atomic, and otherwise state of the loop's thread.

  final let loop: RingEventLoop
  final let parent: (any Channel)?
  final let isUnix: Bool
  private final let closePromise: EventLoopPromise<Void>
  /// Set once, by `init`.
  private final var ownPipeline: ChannelPipeline?

  /// What any thread may read.
  private struct Shared {
    var local: NIOCore.SocketAddress?
    var remote: NIOCore.SocketAddress?
    var allocator = ByteBufferAllocator()
  }

  // Not a `Mutex`, whose hand-over on Linux the thread sanitizer cannot see: it would report races in programs that have none.
  private final let shared: NIOLockedValueBox<Shared>
  private final let activity = Atomic<Bool>(false)

  /// What is used for each message.
  struct Common {
    fileprivate var life = ChannelLife()
    var reading = ReadCredit()
    fileprivate var awaitsTurn = false
    /// An option gave it one.
    var hasOwnAllocator = false
  }

  private final let plainState = PlainState(Common())

  final var common: Common {
    @inline(__always)
    unsafeAddress { unsafe plainState.pointer }
    @inline(__always)
    unsafeMutableAddress { unsafe plainState.mutablePointer }
  }

  final var life: ChannelLife { common.life }

  /// A step of the channel's life.
  final func live<R>(_ step: (inout ChannelLife) -> R) -> R {
    defer { activity.store(life.isActive, ordering: .relaxed) }
    return step(&common.life)
  }

  /// Kept for those who ask: the ring brings its own buffers.
  final var receiveAllocator: any RecvByteBufferAllocator = AdaptiveRecvByteBufferAllocator()

  init(
    _ loop: RingEventLoop,
    parent: (any Channel)?,
    isUnix: Bool,
    local: NIOCore.SocketAddress?,
    remote: NIOCore.SocketAddress?
  ) {
    self.loop = loop
    self.parent = parent
    self.isUnix = isUnix
    closePromise = loop.makePromise()
    shared = NIOLockedValueBox(Shared(local: local, remote: remote))
    ownPipeline = ChannelPipeline(channel: self)
  }

  // MARK: Of any thread

  final var _channelCore: any ChannelCore { self }
  final var eventLoop: any NIOCore.EventLoop { loop }
  final var closeFuture: EventLoopFuture<Void> { closePromise.futureResult }
  final var isActive: Bool { activity.load(ordering: .relaxed) }
  final var localAddress: NIOCore.SocketAddress? { shared.withLockedValue { $0.local } }
  final var remoteAddress: NIOCore.SocketAddress? { shared.withLockedValue { $0.remote } }
  final var pipeline: ChannelPipeline {
    guard let ownPipeline else { preconditionFailure("a channel has its pipeline before anybody has the channel") }
    return ownPipeline
  }
  final var allocator: ByteBufferAllocator { shared.withLockedValue { $0.allocator } }
  var isWritable: Bool { false }

  final var pipelineOnLoop: ChannelPipeline.SynchronousOperations { pipeline.syncOperations }

  final func setAddresses(local: NIOCore.SocketAddress?, remote: NIOCore.SocketAddress?) {
    shared.withLockedValue {
      $0.local = local
      $0.remote = remote
    }
  }

  // MARK: For subclasses

  /// Loop only.
  final func setAllocator(_ allocator: ByteBufferAllocator) {
    common.hasOwnAllocator = true
    shared.withLockedValue { $0.allocator = allocator }
  }

  /// A buffer with a copy of what a view shows. Loop only.
  final func copy(_ view: borrowing ReadView) -> ByteBuffer {
    // Nobody keeps the bytes: they are copied before this returns.
    view.withBytes { span in
      unsafe span.withUnsafeBytes { bytes in
        loop.tenant.bytesCopied.add(bytes.count)
        guard common.hasOwnAllocator else { return unsafe loop.tenant.copy(bytes) }
        var buffer = allocator.buffer(capacity: bytes.count)
        unsafe buffer.writeBytes(bytes)
        return buffer
      }
    }
  }

  /// Lends the descriptor; throws when there is none any more.
  func withDescriptor<R>(_ body: (CInt) throws -> R) throws -> R { throw ChannelError.ioOnClosedChannel }

  /// Begins the I/O of a channel whose socket is bound or connected already; false when the loop does not take it.
  func begin() -> Bool { false }

  /// The channel has become active, and its handlers know it.
  func activated() {}

  /// Somebody wants a batch.
  func readWanted() {}

  /// Somebody set `autoRead` to false.
  func readUnwanted() {}

  /// Hands messages to the handlers that came before anybody wanted them. False: there are none that it may hand over now.
  func deliverNext() -> Bool { false }

  /// A turn that was asked for has ended. Called before batches end.
  func turnPassed() {}

  /// SO_LINGER was set.
  func lingerChanged(_ linger: linger) {}

  /// Sets an option that channels of this kind have beside the common ones; false when they have not.
  func setOwnOption<Option: ChannelOption>(_ option: Option, _ value: Option.Value) throws -> Bool { false }

  /// Such an option's value; nil when there is no such option.
  func ownOption<Option: ChannelOption>(_ option: Option) throws -> Option.Value? { nil }

  /// Lets go of the socket, and of all that waits for it.
  ///
  /// - Parameter finish: to be called when the socket's name is free again.
  func release(_ error: any Error, finish: @escaping @Sendable () -> Void) { finish() }

  // MARK: ChannelCore

  final func localAddress0() throws -> NIOCore.SocketAddress {
    guard life.isOpen else { throw ChannelError.ioOnClosedChannel }
    return try withDescriptor { SocketNames.local(of: $0) } ?? { throw ChannelError.unknownLocalAddress }()
  }

  final func remoteAddress0() throws -> NIOCore.SocketAddress {
    guard life.isOpen else { throw ChannelError.ioOnClosedChannel }
    return try withDescriptor { SocketNames.peer(of: $0) } ?? { throw ChannelError.operationUnsupported }()
  }

  final func register0(promise: EventLoopPromise<Void>?) {
    guard life.isOpen else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    guard !life.isRegistered else {
      promise?.fail(ChannelError.inappropriateOperationForState)
      return
    }
    guard !loop.sluice.isOver else {
      pipelineOnLoop.fireErrorCaught(EventLoopError.shutdown)
      close0(error: EventLoopError.shutdown, mode: .all, promise: nil)
      promise?.fail(EventLoopError.shutdown)
      return
    }
    // Closes the channel when the loop does.
    loop.add(self)
    guard life.isOpen else {
      promise?.fail(EventLoopError.shutdown)
      return
    }
    live { $0.register() }
    promise?.succeed(())
    pipelineOnLoop.fireChannelRegistered()
  }

  final func registerAlreadyConfigured0(promise: EventLoopPromise<Void>?) {
    let registered = loop.makePromise(of: Void.self)
    register0(promise: registered)
    registered.futureResult.assumeIsolated().whenFailure { error in
      self.pipelineOnLoop.close(promise: nil)
      promise?.fail(error)
    }
    // A handler may have closed it.
    guard life.isRegistered else { return }
    beginAndActivate(promise)
  }

  /// Starts the I/O of a socket that is bound or connected, and becomes active.
  final func beginAndActivate(_ promise: EventLoopPromise<Void>?) {
    guard begin() else {
      promise?.fail(EventLoopError.shutdown)
      close0(error: EventLoopError.shutdown, mode: .all, promise: nil)
      return
    }
    becomeActive0(promise)
  }

  final func becomeActive0(_ promise: EventLoopPromise<Void>?) {
    live { $0.beginActivation() }
    promise?.succeed(())
    // Whoever waited may have closed it.
    guard life.isActive else { return }
    live { $0.finishActivation() }
    pipelineOnLoop.fireChannelActive()
    guard life.isOpen else { return }
    activated()
    readIfNeeded0()
  }

  func bind0(to address: NIOCore.SocketAddress, promise: EventLoopPromise<Void>?) {
    promise?.fail(ChannelError.operationUnsupported)
  }

  func connect0(to address: NIOCore.SocketAddress, promise: EventLoopPromise<Void>?) {
    promise?.fail(ChannelError.operationUnsupported)
  }

  func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
    promise?.fail(life.isOpen ? ChannelError.operationUnsupported : ChannelError.ioOnClosedChannel)
  }

  func flush0() {}

  func read0() {
    guard life.isOpen else { return }
    common.reading.isWanted = true
    if life.isRegistered { readWanted() }
  }

  func readIfNeeded0() {
    if life.isActive, !common.reading.isWanted, common.reading.isAutomatic { pipelineOnLoop.read() }
  }

  func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard life.isOpen else {
      promise?.fail(ChannelError.alreadyClosed)
      return
    }
    guard mode == .all else {
      promise?.fail(ChannelError.operationUnsupported)
      return
    }
    finishClose(error, promise)
  }

  /// The end, whatever was on its way: nobody is called before the state says so.
  final func finishClose(_ error: any Error, _ promise: EventLoopPromise<Void>?) {
    let farewell = live { $0.close() }
    release(error) {
      promise?.succeed(())
      if farewell.inactive { self.pipelineOnLoop.fireChannelInactive() }
      if farewell.unregistered { self.pipelineOnLoop.fireChannelUnregistered() }
      // Later, because whoever closed may be on its way through the pipeline.
      self.loop.execute {
        self.removeHandlers(pipeline: self.pipeline)
        self.closePromise.succeed(())
        self.setAddresses(local: nil, remote: nil)
        self.loop.remove(self)
      }
    }
  }

  func triggerUserOutboundEvent0(_ event: Any, promise: EventLoopPromise<Void>?) {
    promise?.fail(ChannelError.operationUnsupported)
  }

  func channelRead0(_ data: NIOAny) {}

  func errorCaught0(error: any Error) {}

  // MARK: Of the loop

  /// The loop ends: the channel closes.
  final func closeForShutdown() { pipeline.close(promise: nil) }

  /// Asks for the end of this turn.
  final func awaitTurn() {
    guard !common.awaitsTurn else { return }
    common.awaitsTurn = true
    loop.atTurnEnd(self)
  }

  final func turnEnded() {
    common.awaitsTurn = false
    turnPassed()
    deliver()
  }

  /// Ends batches, and begins others, for as long as there is something to hand over and somebody who wants it.
  final func deliver() {
    while life.isActive {
      if common.reading.endBatch() {
        pipelineOnLoop.fireChannelReadComplete()
        readIfNeeded0()
      } else if !deliverNext() {
        return
      }
    }
  }
}
