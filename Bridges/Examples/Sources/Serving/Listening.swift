public import NIOCore
import NIOPosix
import SluiceNIO

/// One place where the two bootstraps differ: everything behind it is the same for both groups.
extension ServingOptions {
  /// Listens, and gives each connection to `child`, on its loop.
  ///
  /// - Parameters:
  ///   - group: of `makeGroup()`.
  ///   - halfClosure: whether handlers want to know when a peer ends its side; otherwise the connection is closed then.
  ///   - listener: prepares the listening channel.
  ///   - child: prepares each connection.
  /// - Throws: what kept it from listening.
  public func listen(
    on group: any EventLoopGroup,
    halfClosure: Bool = false,
    listener: @escaping @Sendable (any Channel) -> EventLoopFuture<Void> = { $0.eventLoop.makeSucceededVoidFuture() },
    child: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
  ) async throws -> any Channel {
    if let bootstrap = RingServerBootstrap(validatingGroup: group) {
      return
        try await bootstrap
        .serverChannelOption(.backlog, value: 4096)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.allowRemoteHalfClosure, value: halfClosure)
        .serverChannelInitializer(listener)
        .childChannelInitializer(child)
        .bind(host: host, port: Int(port)).get()
    }
    return
      try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 4096)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(.maxMessagesPerRead, value: 64)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: halfClosure)
      .serverChannelInitializer(listener)
      .childChannelInitializer(child)
      .bind(host: host, port: Int(port)).get()
  }

  /// Listens; what `child` makes of each connection, on its loop, is an element of the sequence.
  ///
  /// - Throws: what kept it from listening.
  public func listen<Output: Sendable>(
    on group: any EventLoopGroup,
    halfClosure: Bool = false,
    listener: @escaping @Sendable (any Channel) -> EventLoopFuture<Void> = { $0.eventLoop.makeSucceededVoidFuture() },
    connections child: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
  ) async throws -> NIOAsyncChannel<Output, Never> {
    if let bootstrap = RingServerBootstrap(validatingGroup: group) {
      return
        try await bootstrap
        .serverChannelOption(.backlog, value: 4096)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.allowRemoteHalfClosure, value: halfClosure)
        .serverChannelInitializer(listener)
        .bind(host: host, port: Int(port), childChannelInitializer: child)
    }
    return
      try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 4096)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(.maxMessagesPerRead, value: 64)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: halfClosure)
      .serverChannelInitializer(listener)
      .bind(host: host, port: Int(port), childChannelInitializer: child)
  }
}
