#if ServiceLifecycle
  public import ServiceLifecycle

  /// A server as a service of swift-service-lifecycle.
  ///
  /// ```swift
  /// let server = TCPServer(address: .loopback(port: 7007))
  /// let echo = server.service { connection in
  ///   while let view = try await connection.receiveUnlessStopping() { try await connection.send(view) }
  /// }
  /// let group = ServiceGroup(
  ///   services: [echo],
  ///   gracefulShutdownSignals: [.sigterm],
  ///   cancellationSignals: [.sigint],
  ///   logger: logger
  /// )
  /// try await group.run()
  /// ```
  ///
  /// A graceful shutdown is `TCPServer.shutdown()`: the server stops accepting, tells its connections, and lets them finish until
  /// its drain deadline. Cancellation closes them at once. Signals are the group's matter.
  ///
  /// What runs for connections are child tasks of the service, so `gracefulShutdown()`, `cancelWhenGracefulShutdown` and
  /// `withGracefulShutdownHandler` work there as they do in any service.
  public struct TCPService: Service {
    /// The server, which has one run in its life, and so has the service.
    public let server: TCPServer
    private let serve: @Sendable (TCPServer) async throws -> Void

    /// - Parameters:
    ///   - server: the server to run.
    ///   - serve: runs it, in whichever way: calls one of the server's methods `run`.
    public init(_ server: TCPServer, serve: @escaping @Sendable (TCPServer) async throws -> Void) {
      self.server = server
      self.serve = serve
    }

    /// Serves until a graceful shutdown is complete, or the task is cancelled, or the server ends for another reason.
    ///
    /// - Throws: as the server's `run` does.
    public func run() async throws {
      try await withGracefulShutdownHandler {
        try await serve(server)
      } onGracefulShutdown: {
        server.shutdown()
      }
    }
  }

  extension TCPServer {
    /// This server as a service that serves each connection with a task of its own: see `run(whenListening:_:)`. Where it
    /// listens is told to ``Configuration/onListening``.
    ///
    /// - Parameter body: runs for each connection.
    public func service(_ body: @escaping @Sendable (TCPConnection) async throws -> Void) -> TCPService {
      TCPService(self) { server in try await server.run(body) }
    }

    /// This server as a service that serves each connection with a handler of its own: see `run(whenListening:handler:)`.
    ///
    /// - Parameter handler: makes the handler of one connection. A throw closes that connection.
    public func service<Handler: ConnectionHandler>(
      handler: @escaping @Sendable () throws -> Handler
    ) -> TCPService {
      TCPService(self) { server in try await server.run(handler: handler) }
    }
  }
#endif
