#if ServiceLifecycle
  public import ServiceLifecycle

  /// A server of datagrams as a service of swift-service-lifecycle: what ``TCPService`` is to servers of streams.
  ///
  /// A graceful shutdown is `DatagramServer.shutdown()`: each socket is closed, and what the kernel has of what was sent goes out.
  /// Cancellation does the same.
  public struct DatagramService: Service {
    /// The server, which has one run in its life, and so has the service.
    public let server: DatagramServer
    private let serve: @Sendable (DatagramServer) async throws -> Void

    /// - Parameters:
    ///   - server: the server to run.
    ///   - serve: runs it, in whichever way: calls one of the server's methods `run`.
    public init(_ server: DatagramServer, serve: @escaping @Sendable (DatagramServer) async throws -> Void) {
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

  extension DatagramServer {
    /// This server as a service that serves each socket with a task of its own: see `run(whenBound:_:)`.
    ///
    /// - Parameters:
    ///   - whenBound: called once all sockets stand, with their address.
    ///   - body: runs for each socket, which it must not keep.
    public func service(
      whenBound: @escaping @Sendable (SocketAddress) -> Void = { _ in },
      _ body: @escaping @Sendable (DatagramSocket) async throws -> Void
    ) -> DatagramService {
      DatagramService(self) { server in try await server.run(whenBound: whenBound, body) }
    }

    /// This server as a service that serves each socket with a handler of its own: see `run(whenBound:handler:)`.
    ///
    /// - Parameters:
    ///   - whenBound: called once all sockets stand, with their address.
    ///   - handler: makes the handler of one socket, on its loop.
    public func service<Handler: DatagramHandler & ~Copyable>(
      whenBound: @escaping @Sendable (SocketAddress) -> Void = { _ in },
      handler: @escaping @Sendable () -> Handler
    ) -> DatagramService {
      DatagramService(self) { server in try await server.run(whenBound: whenBound, handler: handler) }
    }
  }
#endif
