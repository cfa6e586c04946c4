extension TCPConnection {
  /// Connects to a server.
  ///
  /// - Parameters:
  ///   - address: where to.
  ///   - loop: the loop that the connection lives on.
  ///   - timeout: how long the kernel may try. Zero or less gives the attempt up at once if it has to wait at all.
  ///   - limits: the bounds of the connection.
  ///   - options: the options of its socket.
  /// - Returns: an open connection. It closes when `close()` is called, or when its last reference goes.
  /// - Throws: `SocketError` with the kernel's reason, `.timedOut`, `.cancelled` when the task is cancelled, or
  ///   `.shuttingDown`. In each case the kernel has given the attempt up and the descriptor is closed. Where nobody
  ///   listens that is ECONNREFUSED, also where the socket would meet itself (see connect(2) and RFC 9293, section 3.5).
  public static func connect(
    to address: SocketAddress,
    on loop: EventLoop,
    timeout: Duration = .seconds(10),
    limits: ConnectionLimits = ConnectionLimits(),
    options: SocketOptions = SocketOptions()
  ) async throws(SocketError) -> TCPConnection {
    let request = ConnectRequest(
      address: address,
      timeout: timeout,
      options: options,
      settings: ConnectionSettings(limits, isHandled: false, options)
    )
    return try await request.run(on: loop, sink: { $0.clientSink }, result: { $0.clientSink.makeConnection($1) })
  }
}
