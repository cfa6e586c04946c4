public import NIOCore
internal import URingBackend

/// Connections as what an initializer makes of them.
extension RingClientBootstrap {
  /// Connects to a host by its name or address. See `connect(host:port:)`.
  ///
  /// - Parameter channelInitializer: prepares the channel, on its loop, behind the bootstrap's initializer. May be called more than
  ///   once: the addresses of the host have a channel each.
  /// - Returns: what the initializer made of the channel that is connected.
  public func connect<Output: Sendable>(
    host: String,
    port: Int,
    channelInitializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
  ) async throws -> Output {
    try await setup.connect(host: host, port: port, output: channelInitializer).get()
  }

  /// Connects to an address.
  ///
  /// - Parameter channelInitializer: prepares the channel, on its loop, behind the bootstrap's initializer.
  /// - Returns: what the initializer made of it.
  /// - Throws: `IOError`, `ChannelError.connectTimeout`, or what an initializer failed with.
  public func connect<Output: Sendable>(
    to address: NIOCore.SocketAddress,
    channelInitializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
  ) async throws -> Output {
    try await setup.connect(to: address, on: setup.group.nextLoop(), output: channelInitializer).get()
  }

  /// Connects to a Unix socket, with a path of 103 bytes at most. See `connect(to:channelInitializer:)`.
  public func connect<Output: Sendable>(
    unixDomainSocketPath: String,
    channelInitializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
  ) async throws -> Output {
    try await connect(
      to: NIOCore.SocketAddress(unixDomainSocketPath: unixDomainSocketPath),
      channelInitializer: channelInitializer
    )
  }

  /// Makes a channel of a socket that is connected, and owns it from now on. See `connect(to:channelInitializer:)`.
  public func withConnectedSocket<Output: Sendable>(
    _ socket: NIOBSDSocket.Handle,
    channelInitializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
  ) async throws -> Output {
    try await setup.adopt(socket, on: setup.group.nextLoop(), output: channelInitializer).get()
  }
}
