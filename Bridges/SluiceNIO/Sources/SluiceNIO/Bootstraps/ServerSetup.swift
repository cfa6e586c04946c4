internal import NIOCore
internal import URingBackend

/// What a server's bootstrap was told, as a value.
struct ServerSetup: Sendable {
  let group: any RingLoops
  let childGroup: any RingLoops
  var options = ChannelOptions.Storage()
  var childOptions = ChannelOptions.Storage()
  var initializer: ChannelInitializer?
  var childInitializer: ChannelInitializer?
  var resolver: any HostResolver = SystemResolver()

  init(group: any RingLoops, childGroup: any RingLoops) {
    self.group = group
    self.childGroup = childGroup
    // Those that are accepted inherit it: tcp(7).
    options.append(key: .tcpOption(.tcp_nodelay), value: 1)
  }

  /// Looks the host up, and binds to the first of its addresses.
  func bind<Output: Sendable>(
    host: String,
    port: Int,
    output: @escaping @Sendable (RingServerChannel) throws -> Output
  ) -> EventLoopFuture<Output> {
    let loop = group.nextLoop()
    return HostLookup(host: host, port: port, resolver: resolver).addresses(on: loop).flatMap {
      bind(to: $0[0], on: loop, output: output)
    }
  }

  /// Opens a socket, and binds it.
  ///
  /// - Parameter output: called behind the initializer, on the loop: adds what the channel has beside ``AcceptHandler``.
  func bind<Output: Sendable>(
    to address: NIOCore.SocketAddress,
    on loop: RingEventLoop,
    output: @escaping @Sendable (RingServerChannel) throws -> Output
  ) -> EventLoopFuture<Output> {
    do throws(IOError) {
      let socket = try StreamSockets.open(for: address)
      return open(socket, isUnix: address.isUnix, on: loop, output: output) { channel in
        channel.register { channel.bind(to: address) }
      }
    } catch {
      return loop.makeFailedFuture(error)
    }
  }

  /// Takes a socket over that is bound. It stays the caller's when that fails at once.
  func adopt<Output: Sendable>(
    _ socket: CInt,
    on loop: RingEventLoop,
    output: @escaping @Sendable (RingServerChannel) throws -> Output
  ) -> EventLoopFuture<Output> {
    do throws(IOError) {
      try StreamSockets.adopt(socket)
      // The default of `ChannelOptions.backlog`, as the options come too late for it.
      try StreamSockets.beginListening(socket, backlog: 128)
      return open(socket, isUnix: SocketNames.isUnix(socket), on: loop, output: output) { $0.registerConfigured() }
    } catch {
      return loop.makeFailedFuture(error)
    }
  }

  private func open<Output: Sendable>(
    _ socket: CInt,
    isUnix: Bool,
    on loop: RingEventLoop,
    output: @escaping @Sendable (RingServerChannel) throws -> Output,
    register: @escaping @Sendable (RingServerChannel) -> EventLoopFuture<Void>
  ) -> EventLoopFuture<Output> {
    let channel = RingServerChannel(socket: socket, loop: loop, childGroup: childGroup, isUnix: isUnix)
    // Later also for a caller on the loop, who may want to look at the future first.
    return loop.submit {
      options.applyAllChannelOptions(to: channel)
        .flatMap { initializer?(channel) ?? loop.makeSucceededVoidFuture() }
        .flatMapThrowing { try output(channel) }
        .flatMap { output in register(channel).map { output } }
        .flatMapError { channel.giveUp($0) }
    }
    .flatMap { $0 }
  }

  func addAcceptHandler(to channel: RingServerChannel) throws {
    let handler = AcceptHandler(options: childOptions, initializer: childInitializer)
    try channel.pipeline.syncOperations.addHandler(handler, name: "AcceptHandler")
  }
}
