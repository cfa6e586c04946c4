extension TCPConnection {
  /// Connects to a host by its name.
  ///
  /// The name is looked up away from the loop, unless `host` is an address or `localhost`. Its addresses are then tried as
  /// RFC 8305 says: families in turn, beginning with the one that the resolver prefers; each attempt has a quarter of a
  /// second before the next one begins beside it, and the next begins at once when one fails. The first that succeeds is
  /// returned, the others are given up.
  ///
  /// - Parameters:
  ///   - host: a name, or an address as ``SocketAddress/init(host:port:)`` takes it.
  ///   - port: the port.
  ///   - loop: the loop that the connection lives on.
  ///   - timeout: how long all of it may take, the lookup included.
  ///   - limits: the bounds of the connection.
  ///   - options: the options of its socket.
  ///   - resolver: who knows the addresses of names; the system by default.
  /// - Returns: an open connection. It closes when `close()` is called, or when its last reference goes.
  /// - Throws: ``HostConnectError``, which says why for each address. The kernel has then given all attempts up, and their
  ///   descriptors are closed. A lookup that is under way when time runs out or the task is cancelled is not waited for.
  public static func connect(
    host: String,
    port: UInt16,
    on loop: EventLoop,
    timeout: Duration = .seconds(10),
    limits: ConnectionLimits = ConnectionLimits(),
    options: SocketOptions = SocketOptions(),
    resolver: any HostResolver = SystemResolver()
  ) async throws(HostConnectError) -> TCPConnection {
    let request = HostConnectRequest(
      host: host,
      port: port,
      timeout: timeout,
      options: options,
      settings: ConnectionSettings(limits, isHandled: false, options),
      resolver: resolver
    )
    return try await request.run(on: loop, sink: { $0.clientSink }, result: { $0.clientSink.makeConnection($1) })
  }
}
