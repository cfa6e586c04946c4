public import NIOCore
public import URingBackend

/// Opens connections on a ``RingEventLoopGroup``, as SwiftNIO's `ClientBootstrap` does on its own group.
///
/// ```swift
/// let channel = try await RingClientBootstrap(group: group)
///   .channelInitializer { channel in
///     channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(MyHandler()) }
///   }
///   .connect(host: "example.org", port: 80).get()
/// ```
/// Channels read `ByteBuffer` and write `IOData`. TCP_NODELAY is on unless an option says otherwise.
///
/// To be configured by one thread at a time. It may be used for any number of connections.
public final class RingClientBootstrap: NIOClientTCPBootstrapProtocol {
  private(set) var setup: ClientSetup

  /// Channels live on loops of `group`: a ``RingEventLoopGroup``, or one ``RingEventLoop``. The program ends when it is another.
  public convenience init(group: any EventLoopGroup) {
    self.init(ClientSetup(group: ringLoops(group)))
  }

  /// For a group of which it is not known whether it is this package's.
  ///
  /// - Returns: nil when it is of another kind.
  public convenience init?(validatingGroup group: any EventLoopGroup) {
    guard let group = group as? any RingLoops else { return nil }
    self.init(ClientSetup(group: group))
  }

  private init(_ setup: ClientSetup) {
    self.setup = setup
  }

  // MARK: Configuration

  /// Prepares each channel, on its loop, before it is registered. May be called more than once for one connection: a host's addresses
  /// have a channel each.
  public func channelInitializer(
    _ initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
  ) -> Self {
    setup.initializer = initializer
    return self
  }

  /// Handlers that are put in front behind the initializer, such as those of TLS. To be set once.
  public func protocolHandlers(_ handlers: @escaping @Sendable () -> [any ChannelHandler]) -> Self {
    precondition(setup.protocolHandlers == nil, "protocol handlers can only be set once")
    setup.protocolHandlers = handlers
    return self
  }

  /// An option of the channels.
  public func channelOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> Self {
    setup.options.append(key: option, value: value)
    return self
  }

  /// How long one attempt to connect may take; ten seconds by default. A host has one attempt for each of its addresses.
  public func connectTimeout(_ timeout: TimeAmount) -> Self {
    setup.connectTimeout = timeout
    return self
  }

  /// How hosts are looked up; the system's resolver by default.
  public func resolver(_ resolver: any HostResolver) -> Self {
    setup.resolver = resolver
    return self
  }

  /// Binds channels to a local address before they connect.
  public func bind(to address: NIOCore.SocketAddress) -> Self {
    setup.bindTarget = address
    return self
  }

  // MARK: Connecting

  /// Connects to a host by its name or address.
  ///
  /// Its addresses are tried one after the other, in the order of the resolver; there is no race. The future fails with
  /// ``RingConnectionError``, or with `ChannelError.connectTimeout` when all of them took too long.
  public func connect(host: String, port: Int) -> EventLoopFuture<any Channel> {
    setup.connect(host: host, port: port, output: plain)
  }

  /// Connects to an address. The future fails with `IOError`, `ChannelError.connectTimeout`, or what an initializer failed with.
  public func connect(to address: NIOCore.SocketAddress) -> EventLoopFuture<any Channel> {
    setup.connect(to: address, on: setup.group.nextLoop(), output: plain)
  }

  /// Connects to a Unix socket, with a path of 103 bytes at most.
  public func connect(unixDomainSocketPath: String) -> EventLoopFuture<any Channel> {
    do {
      return connect(to: try NIOCore.SocketAddress(unixDomainSocketPath: unixDomainSocketPath))
    } catch {
      return setup.group.nextLoop().makeFailedFuture(error)
    }
  }

  /// Makes a channel of a socket that is connected. The channel owns it from now on.
  public func withConnectedSocket(_ socket: NIOBSDSocket.Handle) -> EventLoopFuture<any Channel> {
    setup.adopt(socket, on: setup.group.nextLoop(), output: plain)
  }

  private var plain: @Sendable (any Channel) -> EventLoopFuture<any Channel> {
    { $0.eventLoop.makeSucceededFuture($0) }
  }
}

@available(*, unavailable)
extension RingClientBootstrap: Sendable {}
