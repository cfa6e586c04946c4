internal import NIOCore
internal import URingBackend

/// What a client's bootstrap was told, as a value.
struct ClientSetup: Sendable {
  let group: any RingLoops
  var options = ChannelOptions.Storage()
  var initializer: ChannelInitializer?
  var protocolHandlers: (@Sendable () -> [any ChannelHandler])?
  var bindTarget: NIOCore.SocketAddress?
  var connectTimeout = TimeAmount.seconds(10)
  var resolver: any HostResolver = SystemResolver()

  init(group: any RingLoops) {
    self.group = group
    options.append(key: .tcpOption(.tcp_nodelay), value: 1)
  }

  /// Connects to an address.
  ///
  /// - Parameter output: called behind the initializer, on the loop, before the channel is registered.
  func connect<Output: Sendable>(
    to address: NIOCore.SocketAddress,
    on loop: RingEventLoop,
    output: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
  ) -> EventLoopFuture<Output> {
    do throws(IOError) {
      let socket = try StreamSockets.open(for: address)
      return open(socket, isUnix: address.isUnix, on: loop, output: output) { channel in
        channel.register { connect(channel, to: address) }
      }
    } catch {
      return loop.makeFailedFuture(error)
    }
  }

  /// Takes a socket over that is connected. It stays the caller's when that fails at once.
  func adopt<Output: Sendable>(
    _ socket: CInt,
    on loop: RingEventLoop,
    output: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
  ) -> EventLoopFuture<Output> {
    do throws(IOError) {
      try StreamSockets.adopt(socket)
      return open(socket, isUnix: SocketNames.isUnix(socket), on: loop, output: output) { $0.registerConfigured() }
    } catch {
      return loop.makeFailedFuture(error)
    }
  }

  private func connect(_ channel: RingStreamChannel, to address: NIOCore.SocketAddress) -> EventLoopFuture<Void> {
    let promise = channel.eventLoop.makePromise(of: Void.self)
    channel.connect(to: address, promise: promise)
    let timeout = channel.eventLoop.scheduleTask(in: connectTimeout) {
      promise.fail(ChannelError.connectTimeout(connectTimeout))
      channel.close(promise: nil)
    }
    promise.futureResult.whenComplete { _ in timeout.cancel() }
    return promise.futureResult
  }

  private func open<Output: Sendable>(
    _ socket: CInt,
    isUnix: Bool,
    on loop: RingEventLoop,
    output: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>,
    register: @escaping @Sendable (RingStreamChannel) -> EventLoopFuture<Void>
  ) -> EventLoopFuture<Output> {
    let channel = RingStreamChannel(socket: socket, loop: loop, isUnix: isUnix)
    let prepare = { @Sendable in
      options.applyAllChannelOptions(to: channel)
        .flatMap { bindTarget.map { channel.bind(to: $0) } ?? loop.makeSucceededVoidFuture() }
        .flatMap { initialize(channel) }
        .flatMap { output(channel) }
        .flatMap { output in register(channel).map { output } }
        .flatMapError { channel.giveUp($0) }
    }
    return loop.inEventLoop ? prepare() : loop.flatSubmit(prepare)
  }

  private func initialize(_ channel: RingStreamChannel) -> EventLoopFuture<Void> {
    let initialized = initializer?(channel) ?? channel.eventLoop.makeSucceededVoidFuture()
    guard let protocolHandlers else { return initialized }
    return initialized.hop(to: channel.eventLoop).flatMapThrowing {
      try channel.pipeline.syncOperations.addHandlers(protocolHandlers(), position: .first)
    }
  }
}
