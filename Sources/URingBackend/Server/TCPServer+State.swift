/// Servers whose connections share something: one value for each loop, so that nobody needs a lock.
extension TCPServer {
  /// Serves each connection with a task of its own, as `run(whenListening:_:)` does, and gives it what the connections of its
  /// loop share.
  ///
  /// ```swift
  /// try await server.run(state: { loop in Cache(loop.arena) }) { connection, cache in
  ///   while let key = try await connection.receive() {
  ///     if let reply = cache.withValue({ $0.reply(to: key) }) { try await connection.send(reply) }
  ///   }
  /// }
  /// ```
  ///
  /// A task may leave its loop, and other tasks of the loop run while it waits: so what they share is reached through
  /// ``LoopLocal/withValue(_:)``.
  ///
  /// - Parameters:
  ///   - whenListening: called once all listeners stand, with the address where they listen.
  ///   - state: makes the value of one loop, on that loop, before it accepts.
  ///   - body: runs for each connection.
  /// - Returns: what the server did in its life.
  /// - Throws: as `run(whenListening:_:)` does.
  @discardableResult
  public func run<State: ~Copyable>(
    whenListening: (SocketAddress) -> Void = { _ in },
    state: @escaping @Sendable (EventLoop) -> sending State,
    _ body: @escaping @Sendable (TCPConnection, LoopLocal<State>) async throws -> Void
  ) async throws -> Summary {
    try await serve(whenListening) { engine, connections, spawner, onError in
      let shared = LoopLocal(state(engine.loop), on: engine.loop)
      return AsyncSink(engine: engine, budget: connections.budget, onError: onError, spawner: spawner) { connection in
        connections.countOpened()
        try await body(connection, shared)
      }
    }
  }

  /// Serves each connection with a handler of its own, as `run(whenListening:handler:)` does, and gives the handlers of one loop
  /// what they share.
  ///
  /// ```swift
  /// final class Counter { var messages = 0 }
  ///
  /// struct Counting: ConnectionHandler {
  ///   let counter: Counter
  ///
  ///   mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
  ///     counter.messages += 1
  ///     connection.send(view)
  ///   }
  /// }
  ///
  /// try await server.run(state: { _ in Counter() }) { Counting(counter: $0) }
  /// ```
  ///
  /// Handlers of one loop never run at the same time, and none of them can be taken off its loop. So a class that they share
  /// needs no lock and need not be `Sendable`. A value type would be copied into each handler: put it into a class.
  ///
  /// - Parameters:
  ///   - whenListening: called once all listeners stand, with the address where they listen.
  ///   - state: makes what the handlers of one loop share, on that loop, before it accepts.
  ///   - handler: makes the handler of one connection. A throw closes that connection.
  /// - Returns: what the server did in its life.
  /// - Throws: as `run(whenListening:handler:)` does.
  @discardableResult
  public func run<State: AnyObject, Handler: ConnectionHandler & ~Copyable>(
    whenListening: (SocketAddress) -> Void = { _ in },
    state: @escaping @Sendable (EventLoop) -> sending State,
    handler: @escaping @Sendable (State) throws -> Handler
  ) async throws -> Summary {
    try await serve(whenListening, isHandled: true) { engine, connections, _, onError in
      let shared = HandlerState(state(engine.loop))
      return HandlerSink(engine: engine, budget: connections.budget, onError: onError) {
        connections.countOpened()
        return try handler(shared.value)
      }
    }
  }
}

/// What the handlers of one loop share.
private final class HandlerState<Value: AnyObject>: @unchecked Sendable {
  // Why unchecked: made on the loop's thread, and given to handlers there, whose methods run nowhere else.
  let value: Value

  init(_ value: Value) {
    self.value = value
  }
}
