import NIOCore
import NIOPosix
import SluiceNIO

/// What SwiftNIO's bootstrap and this package's have in common: that both conform without another line shows that the names are
/// the same.
protocol ServerBuilder {
  func serverChannelInitializer(_ initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>) -> Self
  func childChannelInitializer(_ initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>) -> Self
  func serverChannelOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> Self
  func childChannelOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> Self
  func bind(to address: SocketAddress) -> EventLoopFuture<any Channel>
  func bind(host: String, port: Int) -> EventLoopFuture<any Channel>
  func bind(unixDomainSocketPath: String, cleanupExistingSocketFile: Bool) -> EventLoopFuture<any Channel>
  func withBoundSocket(_ socket: NIOBSDSocket.Handle) -> EventLoopFuture<any Channel>

  func bind<Output: Sendable>(
    to address: SocketAddress,
    serverBackPressureStrategy: NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark?,
    childChannelInitializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
  ) async throws -> NIOAsyncChannel<Output, Never>
}

extension ServerBootstrap: ServerBuilder {}
extension RingServerBootstrap: ServerBuilder {}

/// As above.
protocol ClientBuilder: NIOClientTCPBootstrapProtocol {
  func bind(to address: SocketAddress) -> Self
  func withConnectedSocket(_ socket: NIOBSDSocket.Handle) -> EventLoopFuture<any Channel>

  func connect<Output: Sendable>(
    to address: SocketAddress,
    channelInitializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
  ) async throws -> Output
}

extension ClientBootstrap: ClientBuilder {}
extension RingClientBootstrap: ClientBuilder {}
