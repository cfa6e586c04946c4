public import NIOCore
public import URingBackend

/// Opens listening channels on a ``RingEventLoopGroup``, as SwiftNIO's `ServerBootstrap` does on its own group.
///
/// ```swift
/// let server = try await RingServerBootstrap(group: group)
///   .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
///   .childChannelInitializer { channel in
///     channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(EchoHandler()) }
///   }
///   .bind(host: "127.0.0.1", port: 7777).get()
/// ```
/// The listening channel reads `Channel`s, one for each connection, and cannot be written to. Those that it accepts read `ByteBuffer`
/// and write `IOData`; they are spread over the loops of the child group. TCP_NODELAY is on unless an option says otherwise.
///
/// To be configured by one thread at a time. It may be used for any number of channels.
public final class RingServerBootstrap {
  private(set) var setup: ServerSetup

  /// Channels live on loops of `group`: a ``RingEventLoopGroup``, or one ``RingEventLoop``. The program ends when it is another.
  public convenience init(group: any EventLoopGroup) {
    self.init(group: group, childGroup: group)
  }

  /// The listening channels live on loops of `group`, those that they accept on loops of `childGroup`. The program ends when one of
  /// them is not this package's.
  public convenience init(group: any EventLoopGroup, childGroup: any EventLoopGroup) {
    self.init(ServerSetup(group: ringLoops(group), childGroup: ringLoops(childGroup)))
  }

  /// For groups of which it is not known whether they are this package's.
  ///
  /// - Parameters:
  ///   - group: where listening channels live.
  ///   - childGroup: where those live that they accept; nil: the same.
  /// - Returns: nil when one of them is of another kind.
  public convenience init?(validatingGroup group: any EventLoopGroup, childGroup: (any EventLoopGroup)? = nil) {
    guard let group = group as? any RingLoops, let childGroup = (childGroup ?? group) as? any RingLoops else {
      return nil
    }
    self.init(ServerSetup(group: group, childGroup: childGroup))
  }

  private init(_ setup: ServerSetup) {
    self.setup = setup
  }

  // MARK: Configuration

  /// Prepares listening channels, on their loop, before they are registered.
  public func serverChannelInitializer(
    _ initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
  ) -> Self {
    setup.initializer = initializer
    return self
  }

  /// Prepares each channel that was accepted, on its loop, before it is registered. Where the future fails the channel is closed,
  /// and the error caught in the listening channel.
  public func childChannelInitializer(
    _ initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
  ) -> Self {
    setup.childInitializer = initializer
    return self
  }

  /// An option of the listening channels.
  public func serverChannelOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> Self {
    setup.options.append(key: option, value: value)
    return self
  }

  /// An option of the channels that are accepted.
  public func childChannelOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> Self {
    setup.childOptions.append(key: option, value: value)
    return self
  }

  /// How the host of `bind(host:port:)` is looked up; the system's resolver by default.
  public func resolver(_ resolver: any HostResolver) -> Self {
    setup.resolver = resolver
    return self
  }

  // MARK: Binding

  /// Listens on the first address of a host.
  ///
  /// Does not block: names are looked up on a thread of their own. The future fails with `ResolveError`, or as `bind(to:)`.
  public func bind(host: String, port: Int) -> EventLoopFuture<any Channel> {
    setup.bind(host: host, port: port, output: plain)
  }

  /// Listens on an address. The future fails with `IOError`, or with what an initializer failed with.
  public func bind(to address: NIOCore.SocketAddress) -> EventLoopFuture<any Channel> {
    setup.bind(to: address, on: setup.group.nextLoop(), output: plain)
  }

  /// Listens on a Unix socket.
  ///
  /// - Parameters:
  ///   - unixDomainSocketPath: of 103 bytes at most. The file is removed when the channel is closed.
  ///   - cleanupExistingSocketFile: whether a socket that is there is removed first. Blocks for that.
  public func bind(
    unixDomainSocketPath: String,
    cleanupExistingSocketFile: Bool = false
  ) -> EventLoopFuture<any Channel> {
    do {
      if cleanupExistingSocketFile { try StreamSockets.removeFile(atPath: unixDomainSocketPath) }
      return bind(to: try NIOCore.SocketAddress(unixDomainSocketPath: unixDomainSocketPath))
    } catch {
      return setup.group.nextLoop().makeFailedFuture(error)
    }
  }

  /// Listens on a socket that is bound, with a backlog of 128. The channel owns it from now on; it stays the caller's when the kernel
  /// refuses to listen on it.
  public func withBoundSocket(_ socket: NIOBSDSocket.Handle) -> EventLoopFuture<any Channel> {
    setup.adopt(socket, on: setup.group.nextLoop(), output: plain)
  }

  /// The channel itself, whose children are read by its handlers.
  private var plain: @Sendable (RingServerChannel) throws -> any Channel {
    { [setup] channel in
      try setup.addAcceptHandler(to: channel)
      return channel
    }
  }
}

@available(*, unavailable)
extension RingServerBootstrap: Sendable {}
