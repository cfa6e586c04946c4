internal import SystemPackage
public import URingBackend

/// Servers.
extension TestNetwork {
  /// Serves with a task for each connection, as `TCPServer.run` does. Several servers may run at a time, on one loop.
  ///
  /// - Parameters:
  ///   - port: where to listen, on 127.0.0.1; 0 chooses one.
  ///   - body: runs for each connection.
  /// - Returns: where the server listens, for ``connect(to:)``.
  /// - Throws: ``TestNetworkError`` of kind `portInUse`, or `setup` where there is no descriptor.
  @discardableResult
  public func serve(
    at port: UInt16 = 0,
    _ body: @escaping @Sendable (TCPConnection) async throws -> Void
  ) throws(TestNetworkError) -> SocketAddress {
    let (descriptor, address) = try listen(port)
    stepped.serve(descriptor, at: address, limits: configuration.limits, onError: report) { [code] connection in
      code.begin()
      defer { code.end() }
      try await body(connection)
    }
    return address
  }

  /// Serves with a handler for each connection, as `TCPServer.run(handler:)` does.
  ///
  /// - Parameters:
  ///   - port: where to listen, on 127.0.0.1; 0 chooses one.
  ///   - handler: makes the handler of one connection.
  /// - Returns: where the server listens, for ``connect(to:)``.
  /// - Throws: ``TestNetworkError`` of kind `portInUse`, or `setup` where there is no descriptor.
  @discardableResult
  public func serve<Handler: ConnectionHandler & ~Copyable>(
    at port: UInt16 = 0,
    handler: @escaping @Sendable () throws -> Handler
  ) throws(TestNetworkError) -> SocketAddress {
    let (descriptor, address) = try listen(port)
    stepped.serve(descriptor, at: address, limits: configuration.limits, onError: report, handler: handler)
    return address
  }

  private func listen(_ port: UInt16) throws(TestNetworkError) -> (descriptor: Int32, address: SocketAddress) {
    let operation = "serve at port \(port)"
    try require(for: operation)
    let descriptor = system.listen(at: port, backlog: Int(max(1, configuration.backlog)))
    guard descriptor >= 0 else {
      let error = Errno(rawValue: -descriptor)
      throw TestNetworkError(error == .addressInUse ? .portInUse : .setup, operation, "\(error)")
    }
    return (descriptor, system.localAddress(of: descriptor) ?? .loopback(port: port))
  }

  private var report: TCPServer.ErrorReport {
    { [code, onError = configuration.onError] error, peer in
      code.threw(error)
      onError?(error, peer)
    }
  }

  /// Begins the graceful stop of all servers, as `TCPServer.shutdown()` does: nobody is accepted any more, connections are
  /// told, and what is still open when the configuration's `drainTimeout` is over is closed.
  ///
  /// It only begins: advance the clock, or run until what is expected has come about.
  /// - Throws: ``TestNetworkError`` where the network is not to be used.
  public func triggerGracefulShutdown() throws(TestNetworkError) {
    try require(for: "begin a graceful stop")
    beginStopping()
  }

  func beginStopping() {
    guard !isStopping else { return }
    isStopping = true
    let drain = min(max(configuration.drainTimeout, .zero), .seconds(1 << 32))
    drainDeadline = clock + TestNetwork.nanoseconds(drain)
    stepped.stopServing()
  }
}
