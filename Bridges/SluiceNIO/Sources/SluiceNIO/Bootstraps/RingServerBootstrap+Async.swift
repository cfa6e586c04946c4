public import NIOCore
internal import URingBackend

/// Connections as a sequence.
extension RingServerBootstrap {
  /// Listens on the first address of a host. See `bind(to:serverBackPressureStrategy:childChannelInitializer:)`.
  ///
  /// - Throws: `ResolveError` when the host has no address, and as the other.
  public func bind<Output: Sendable>(
    host: String,
    port: Int,
    serverBackPressureStrategy: NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark? = nil,
    childChannelInitializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
  ) async throws -> NIOAsyncChannel<Output, Never> {
    try await setup.bind(
      host: host,
      port: port,
      output: sequence(serverBackPressureStrategy, childChannelInitializer)
    ).get()
  }

  /// Listens on an address. What `childChannelInitializer` makes of each connection, on its loop, is the element of a sequence.
  ///
  /// - Parameters:
  ///   - address: where to listen.
  ///   - serverBackPressureStrategy: how many connections wait for the one who reads the sequence before accepting rests.
  ///   - childChannelInitializer: prepares a channel. Where the future fails the connection is closed, and no part of the sequence.
  /// - Throws: `IOError`, or what an initializer failed with.
  public func bind<Output: Sendable>(
    to address: NIOCore.SocketAddress,
    serverBackPressureStrategy: NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark? = nil,
    childChannelInitializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
  ) async throws -> NIOAsyncChannel<Output, Never> {
    try await setup.bind(
      to: address,
      on: setup.group.nextLoop(),
      output: sequence(serverBackPressureStrategy, childChannelInitializer)
    ).get()
  }

  /// Listens on a Unix socket, with a path of 103 bytes at most. See
  /// `bind(to:serverBackPressureStrategy:childChannelInitializer:)`.
  ///
  /// - Parameter cleanupExistingSocketFile: whether a socket that is there is removed first.
  public func bind<Output: Sendable>(
    unixDomainSocketPath: String,
    cleanupExistingSocketFile: Bool = false,
    serverBackPressureStrategy: NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark? = nil,
    childChannelInitializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
  ) async throws -> NIOAsyncChannel<Output, Never> {
    if cleanupExistingSocketFile { try StreamSockets.removeFile(atPath: unixDomainSocketPath) }
    return try await bind(
      to: NIOCore.SocketAddress(unixDomainSocketPath: unixDomainSocketPath),
      serverBackPressureStrategy: serverBackPressureStrategy,
      childChannelInitializer: childChannelInitializer
    )
  }

  /// Listens on a socket that is bound, with a backlog of 128. The channel owns it from now on; it stays the caller's when the kernel
  /// refuses to listen on it. See `bind(to:serverBackPressureStrategy:childChannelInitializer:)`.
  public func bind<Output: Sendable>(
    _ socket: NIOBSDSocket.Handle,
    serverBackPressureStrategy: NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark? = nil,
    childChannelInitializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
  ) async throws -> NIOAsyncChannel<Output, Never> {
    try await setup.adopt(
      socket,
      on: setup.group.nextLoop(),
      output: sequence(serverBackPressureStrategy, childChannelInitializer)
    ).get()
  }

  private func sequence<Output: Sendable>(
    _ strategy: NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark?,
    _ initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
  ) -> @Sendable (RingServerChannel) throws -> NIOAsyncChannel<Output, Never> {
    { [setup] channel in
      try channel.pipeline.syncOperations.addHandler(
        AcceptBackoffHandler(shouldForwardIOErrorCaught: false),
        name: "AcceptBackOffHandler"
      )
      try setup.addAcceptHandler(to: channel)
      return try NIOAsyncChannel<Output, Never>._wrapAsyncChannelWithTransformations(
        wrappingChannelSynchronously: channel,
        backPressureStrategy: strategy
      ) { child in
        // Called on the loop of the listening channel.
        child.eventLoop.flatSubmit { initializer(child) }
      }
    }
  }
}
