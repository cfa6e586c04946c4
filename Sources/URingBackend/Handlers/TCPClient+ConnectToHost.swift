extension TCPClient {
  /// Connects to a host by its name. When this returns, the handler's `opened` has been called.
  ///
  /// The name is looked up away from the loop, unless `host` is an address or `localhost`. Its addresses are then tried as
  /// RFC 8305 says: families in turn, beginning with the one that the resolver prefers; each attempt has a quarter of a
  /// second before the next one begins beside it, and the next begins at once when one fails. The first that succeeds gets
  /// a handler, the others are given up. All of it together has the client's ``timeout``.
  ///
  /// - Parameters:
  ///   - host: a name, or an address as ``SocketAddress/init(host:port:)`` takes it.
  ///   - port: the port.
  ///   - resolver: who knows the addresses of names; the system by default.
  /// - Returns: the connection's name.
  /// - Throws: ``HostConnectError``, which says why for each address. The kernel has then given all attempts up, and their
  ///   descriptors are closed. A lookup that is under way when time runs out or the task is cancelled is not waited for.
  @discardableResult
  public func connect(
    host: String,
    port: UInt16,
    resolver: any HostResolver = SystemResolver()
  ) async throws(HostConnectError) -> ConnectionID {
    let request = HostConnectRequest(
      host: host,
      port: port,
      timeout: timeout,
      options: options,
      settings: ConnectionSettings(limits, isHandled: true, options),
      resolver: resolver
    )
    return try await request.run(on: loop, sink: { self.sink(on: $0) }, result: { $0.records[$1].id })
  }
}
