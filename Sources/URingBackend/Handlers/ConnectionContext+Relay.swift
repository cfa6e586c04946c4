public import IOBuffers

/// Proxies that are handlers.
extension ConnectionContext {
  /// Gives this connection's bytes to another one and that one's bytes to this one, until both streams have ended. From now on neither
  /// handler is called for bytes, ends of input, or drained output; `stopping` and `closed` are called as ever.
  ///
  /// Nothing is copied. While more than the high-water mark is unsent on the one, the other one is not read. The end of each input is
  /// passed on as a half-close, and the other direction goes on. When either connection breaks, is given up or is aborted, the
  /// other one is aborted; when this side closes one, the other one is closed as well.
  ///
  /// - Parameter other: a connection of the same loop that a handler serves, such as one of a `TCPClient`.
  /// - Returns: false, and nothing has changed, if one of them is over, has been joined before, or is not served by a handler.
  public func join(_ other: ConnectionID) -> Bool {
    withEngine { engine in
      guard let other = engine.find(other) else { return false }
      return engine.join(index, other)
    }
  }

  /// Connects to an address, and joins this connection with the one that is made: a proxy.
  ///
  /// ```swift
  /// struct Upstream: ConnectionHandler {
  ///   mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {}
  /// }
  ///
  /// struct Proxy: ConnectionHandler {
  ///   let upstream: TCPClient<Upstream>
  ///   let address: SocketAddress
  ///
  ///   mutating func opened(_ connection: borrowing ConnectionContext) {
  ///     connection.relay(to: address, over: upstream)
  ///   }
  ///
  ///   mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {}
  /// }
  ///
  /// try await server.run(state: { TCPClient(on: $0) { Upstream() } }) { Proxy(upstream: $0, address: address) }
  /// ```
  ///
  /// Nothing is read here meanwhile. If there is no connection, this one is aborted; its handler's `closed` is told why. If this one ends
  /// first, the attempt is given up.
  ///
  /// - Parameters:
  ///   - address: where to.
  ///   - client: makes the connection, with its timeout, limits and options. Of this loop.
  ///   - early: what this handler has received and not used: it goes there first.
  /// - Returns: false, and nothing happens, if this connection is over or has been joined before, or the client is of another
  ///   loop.
  @discardableResult
  public func relay<Handler: ConnectionHandler & ~Copyable>(
    to address: SocketAddress,
    over client: TCPClient<Handler>,
    sending early: consuming ByteQueue = ByteQueue()
  ) -> Bool {
    var early = early
    return withEngine { engine in
      guard client.loop === engine.loop else { return false }
      return engine.relay(index, to: address, over: client, early: early.take())
    }
  }
}
