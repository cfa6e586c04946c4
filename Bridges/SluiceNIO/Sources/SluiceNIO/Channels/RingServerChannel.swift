internal import DequeModule
internal import NIOCore
@_spi(Bridging) internal import URingBackend

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// A channel of SwiftNIO over a listening socket. Its messages are the channels of the connections that it accepts.
///
/// While descriptors are short accepting rests, and the loop's logger says so: handlers hear of no error.
final class RingServerChannel: RingChannel, @unchecked Sendable {
  // Why unchecked: as its superclass.

  /// Who has the descriptor.
  private enum Holder {
    case channel(CInt)
    case listener(UInt32)
    case nobody
  }

  private let childGroup: any RingLoops
  private var holder: Holder
  private var backlog: CInt = 128
  /// Whether the loop is to accept nothing more for now.
  private var isPaused = false
  /// Accepted before anybody wanted them.
  private var parked = Deque<CInt>()
  private var whenReleased: (@Sendable () -> Void)?
  /// The file of a Unix socket that was bound here. It goes with the channel, as with SwiftNIO's.
  private var socketFile: String?

  /// - Parameter socket: not bound, or bound and listening; the channel's from here on.
  init(socket: CInt, loop: RingEventLoop, childGroup: any RingLoops, isUnix: Bool) {
    self.childGroup = childGroup
    holder = .channel(socket)
    super.init(loop, parent: nil, isUnix: isUnix, local: SocketNames.local(of: socket), remote: nil)
  }

  deinit {
    if case .channel(let socket) = holder { SystemCalls.close(socket) }
  }

  override func withDescriptor<R>(_ body: (CInt) throws -> R) throws -> R {
    switch holder {
    case .channel(let socket): return try body(socket)
    case .listener(let name):
      let result = loop.sluice.withListener(name) { socket in Result { try body(socket) } }
      guard let result else { throw ChannelError.ioOnClosedChannel }
      return try result.get()
    case .nobody: throw ChannelError.ioOnClosedChannel
    }
  }

  // MARK: Options

  override func setOwnOption<Option: ChannelOption>(_ option: Option, _ value: Option.Value) throws -> Bool {
    guard option is ChannelOptions.Types.BacklogOption else { return false }
    backlog = try given(value)
    return true
  }

  override func ownOption<Option: ChannelOption>(_ option: Option) throws -> Option.Value? {
    guard option is ChannelOptions.Types.BacklogOption else { return nil }
    return try given(backlog)
  }

  // MARK: Listening

  override func bind0(to address: NIOCore.SocketAddress, promise: EventLoopPromise<Void>?) {
    guard life.isOpen else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    guard life.isRegistered else {
      promise?.fail(ChannelError.inappropriateOperationForState)
      return
    }
    do {
      try withDescriptor { socket in
        try StreamSockets.bind(socket, to: address)
        if let path = address.pathname, !path.isEmpty { socketFile = path }
        setAddresses(local: SocketNames.local(of: socket), remote: nil)
        try StreamSockets.beginListening(socket, backlog: backlog)
      }
    } catch {
      promise?.fail(error)
      return
    }
    becomeActive0(promise)
  }

  /// Accepting begins with the first read.
  override func begin() -> Bool { true }

  override func readWanted() {
    guard life.isActive else { return }
    if !parked.isEmpty { awaitTurn() }
    switch holder {
    case .channel(let socket): startAccepting(socket)
    case .listener(let name): pause(false, name)
    case .nobody: break
    }
  }

  override func readUnwanted() {
    if case .listener(let name) = holder { pause(true, name) }
  }

  override func turnPassed() {
    // A batch is over, and nobody has asked for another.
    if case .listener(let name) = holder, !common.reading.isWanted, !common.reading.isAutomatic { pause(true, name) }
  }

  private func pause(_ paused: Bool, _ name: UInt32) {
    guard paused != isPaused else { return }
    isPaused = paused
    loop.sluice.pauseAccepting(name, paused)
  }

  private func startAccepting(_ socket: CInt) {
    let address = localAddress.flatMap { SluiceAddress($0) } ?? .any(port: 0)
    let name = loop.sluice.accept(on: socket, address: address) {
      self.accepted($0)
    } onStopped: {
      self.stopped()
    }
    guard let name else {
      holder = .nobody
      return close0(error: EventLoopError.shutdown, mode: .all, promise: nil)
    }
    holder = .listener(name)
  }

  private func accepted(_ socket: CInt) {
    guard life.isActive else {
      SystemCalls.close(socket)
      return
    }
    if parked.isEmpty, common.reading.take() {
      awaitTurn()
      fire(socket)
    } else {
      parked.append(socket)
      readUnwanted()
    }
  }

  override func deliverNext() -> Bool {
    var isSome = false
    while life.isActive, !parked.isEmpty, common.reading.take() {
      isSome = true
      fire(parked.removeFirst())
    }
    return isSome
  }

  private func fire(_ socket: CInt) {
    let child = RingStreamChannel(socket: socket, loop: childGroup.nextLoop(), parent: self, isUnix: isUnix)
    pipelineOnLoop.fireChannelRead(NIOAny(child))
  }

  /// A connection has come through all handlers: it begins to live.
  override func channelRead0(_ data: NIOAny) {
    let child = unwrapData(data, as: RingStreamChannel.self)
    child.loop.execute {
      child.register().assumeIsolated().whenComplete { result in
        switch result {
        case .success where child.life.isOpen: child.beginAndActivate(nil)
        case .success, .failure: child.close(promise: nil)
        }
      }
    }
  }

  // MARK: The end

  override func release(_ error: any Error, finish: @escaping @Sendable () -> Void) {
    while let socket = parked.popFirst() { SystemCalls.close(socket) }
    if let path = socketFile.take() { try? StreamSockets.removeFile(atPath: path) }
    switch holder {
    case .channel(let socket):
      SystemCalls.close(socket)
      holder = .nobody
      finish()
    case .listener(let name):
      // Its address is free when the loop has let go of the socket.
      whenReleased = finish
      loop.sluice.stopAccepting(name)
    case .nobody: finish()
    }
  }

  private func stopped() {
    holder = .nobody
    if let finish = whenReleased.take() { return finish() }
    close0(error: EventLoopError.shutdown, mode: .all, promise: nil)
  }
}
