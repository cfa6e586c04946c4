public import Hummingbird
public import HummingbirdCore
public import Logging
public import NIOCore
public import ServiceLifecycle
public import SluiceNIO

/// An application of Hummingbird whose sockets are on the ring.
///
/// ```swift
/// let router = Router()
/// router.get("hello") { _, _ in "Hello, World!" }
/// let app = SluiceApplication(router: router, group: try RingEventLoopGroup(numberOfThreads: 2))
/// try await app.runService()
/// ```
/// Routers, middleware, contexts and services are Hummingbird's, unchanged; so are HTTP/1.1, HTTP/2, TLS and WebSockets, which are
/// child channels. What `Application` does to listen is done here again, because it names SwiftNIO's own bootstrap.
///
/// Each connection's task runs on the thread of its loop, and so does what it awaits without leaving for an actor or executor of its own.
/// A handler that blocks stops all connections of a loop: turn `tasksRunOnLoops` off where there are such.
public struct SluiceApplication<Responder: HTTPResponder>: ApplicationProtocol
where Responder.Context: InitializableFromSource<ApplicationRequestContextSource> {
  /// Answers the requests.
  public let responder: Responder
  /// Where to listen.
  public var address: ListeningAddress
  /// Backlog, name of the server, limit of connections. Its address is not used, because nobody but Hummingbird can read it.
  public var configuration: ApplicationConfiguration
  /// Passed on to contexts and services.
  public var logger: Logger
  /// Run beside the server, and stopped with it.
  public var services: [any Service]
  /// Called before the server listens, in this order.
  public var processesRunBeforeServerStart: [@Sendable () async throws -> Void] = []
  /// Whether the tasks of connections run on the threads of their loops.
  public var tasksRunOnLoops = true

  /// The loops of the connections.
  public let group: RingEventLoopGroup
  let makeChildChannel: @Sendable (@escaping HTTPChannelHandler.Responder) throws -> any ServerChildChannel
  private let running: @Sendable (any Channel) async -> Void

  /// Configures an application, without any effect yet.
  ///
  /// - Parameters:
  ///   - router: answers the requests: a router, or what else makes a responder.
  ///   - group: the loops of the connections. Not shut down by the application.
  ///   - address: where to listen.
  ///   - configuration: backlog, name of the server, limit of connections; not the address.
  ///   - services: run beside the server.
  ///   - logger: passed on to contexts and services.
  ///   - childChannel: makes what speaks on a connection; HTTP/1.1 by default. What `HTTPServerBuilder` is given elsewhere.
  ///   - onServerRunning: called with the listening channel.
  public init<Builder: HTTPResponderBuilder>(
    router: Builder,
    group: RingEventLoopGroup,
    address: ListeningAddress = .hostname("127.0.0.1", port: 8080),
    configuration: ApplicationConfiguration = ApplicationConfiguration(),
    services: [any Service] = [],
    logger: Logger = Logger(label: "Hummingbird"),
    childChannel: @escaping @Sendable (@escaping HTTPChannelHandler.Responder) throws -> any ServerChildChannel = {
      HTTP1Channel(responder: $0)
    },
    onServerRunning: @escaping @Sendable (any Channel) async -> Void = { _ in }
  ) where Builder.Responder == Responder {
    responder = router.buildResponder()
    self.group = group
    self.address = address
    self.configuration = configuration
    self.services = services
    self.logger = logger
    makeChildChannel = childChannel
    running = onServerRunning
  }

  /// The same loops, for those that ask the application.
  public var eventLoopGroup: any EventLoopGroup { group }

  /// Calls what was given to the initializer.
  public func onServerRunning(_ channel: any Channel) async { await running(channel) }

  /// Serves until a graceful shutdown, and ends when the open requests are answered.
  ///
  /// - Throws: what kept it from listening, or what a service failed with.
  public func run() async throws {
    let server = RingServer(application: self, responder: respond())
    let group = ServiceGroup(configuration: .init(services: services + [server], logger: logger))
    try await group.run()
  }
}
