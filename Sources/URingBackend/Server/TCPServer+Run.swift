internal import IOBuffers
internal import Logging

extension TCPServer {
  /// Serves each connection with a task of its own, on the loop of the connection.
  ///
  /// When `body` returns, the connection closes gracefully; when it throws, the connection is closed, and no other. When the
  /// connection is over, because it broke or was given up, the task of `body` is cancelled.
  ///
  /// These tasks are children of the calling one: they see its task-locals, such as a `ServiceContext`, a logger or a graceful
  /// shutdown, and cancelling it cancels them.
  ///
  /// Returns when the server has stopped and all of them have ended: after `shutdown()`, `abort()` or the cancellation of the
  /// calling task, which is the same as `abort()`, and when the group that it runs on is shut down. If it is told to stop
  /// before it listens, it does not listen.
  ///
  /// - Parameters:
  ///   - whenListening: called once all listeners stand, with the address where they listen; the first, if there are several.
  ///   - whenListeningOnAll: the same, with all addresses, in the order of ``addresses``.
  ///   - body: runs for each connection.
  /// - Returns: what the server did in its life.
  /// - Throws: `RunError` when the server runs already or has run, `RingError` when no loop can be started, `SocketError`
  ///   when one of the addresses cannot be had, or with `.shuttingDown` when the loops of the group have ended. After the last two
  ///   the server has not run, and `run` may be called again.
  @discardableResult
  public func run(
    whenListening: (SocketAddress) -> Void = { _ in },
    whenListeningOnAll: ([SocketAddress]) -> Void = { _ in },
    _ body: @escaping @Sendable (TCPConnection) async throws -> Void
  ) async throws -> Summary {
    try await serve(whenListening, whenListeningOnAll) { engine, connections, spawner, onError in
      AsyncSink(engine: engine, budget: connections.budget, onError: onError, spawner: spawner) { connection in
        connections.countOpened()
        try await body(connection)
      }
    }
  }

  /// Serves each connection with a handler of its own, called synchronously on the loop of the connection.
  ///
  /// Returns when the server has stopped: after `shutdown()`, `abort()` or the cancellation of the calling task, which is the
  /// same as `abort()`, and when the group that it runs on is shut down. If it is told to stop before it listens, it does not
  /// listen.
  ///
  /// - Parameters:
  ///   - whenListening: called once all listeners stand, with the address where they listen; the first, if there are several.
  ///   - whenListeningOnAll: the same, with all addresses, in the order of ``addresses``.
  ///   - handler: makes the handler of one connection. A throw closes that connection.
  /// - Returns: what the server did in its life.
  /// - Throws: `RunError` when the server runs already or has run, `RingError` when no loop can be started, `SocketError`
  ///   when one of the addresses cannot be had, or with `.shuttingDown` when the loops of the group have ended. After the last two
  ///   the server has not run, and `run` may be called again.
  @discardableResult
  public func run<Handler: ConnectionHandler & ~Copyable>(
    whenListening: (SocketAddress) -> Void = { _ in },
    whenListeningOnAll: ([SocketAddress]) -> Void = { _ in },
    handler: @escaping @Sendable () throws -> Handler
  ) async throws -> Summary {
    try await serve(whenListening, whenListeningOnAll, isHandled: true) { engine, connections, _, onError in
      HandlerSink(engine: engine, budget: connections.budget, onError: onError) {
        connections.countOpened()
        return try handler()
      }
    }
  }

  /// Makes what the connections of one loop report to, on that loop. The last parameter is the configuration's `onError`, for
  /// the sink.
  typealias MakeSink = @Sendable (StreamEngine, ServedConnections, TaskSpawner, ErrorReport?) -> ConnectionSink

  func serve(
    _ whenListening: (SocketAddress) -> Void,
    _ whenListeningOnAll: ([SocketAddress]) -> Void = { _ in },
    isHandled: Bool = false,
    _ makeSink: @escaping MakeSink
  ) async throws -> Summary {
    try begin()
    do {
      let summary = try await serveOnce(
        { addresses in
          if let first = addresses.first {
            configuration.onListening?(first)
            whenListening(first)
          }
          whenListeningOnAll(addresses)
        },
        isHandled,
        makeSink
      )
      life.withLock { $0 = .over }
      return summary
    } catch {
      life.withLock { $0 = .new }
      throw error
    }
  }

  /// One run at a time, and one in all.
  private func begin() throws(RunError) {
    let obstacle = life.withLock { life -> RunError? in
      switch life {
      case .new:
        life = .starting
        return nil
      case .starting, .serving: return .alreadyRunning
      case .over: return .alreadyRan
      }
    }
    if let obstacle { throw obstacle }
  }

  private func serveOnce(
    _ whenListening: ([SocketAddress]) -> Void,
    _ isHandled: Bool,
    _ makeSink: @escaping MakeSink
  ) async throws -> Summary {
    if stop.isSet || Task.isCancelled { return Summary(totals: LoopStatistics(), sharesLoops: group != nil) }
    let loops =
      try group
      ?? LoopGroup(
        count: configuration.loops,
        pinned: configuration.pinned,
        configuration: configuration.loop,
        logger: logger
      )
    do {
      let summary = try await serve(on: loops, whenListening, isHandled, makeSink)
      return group == nil ? await end(loops, summary) : summary
    } catch {
      if group == nil { await loops.shutdown() }
      throw error
    }
  }

  private func serve(
    on group: LoopGroup,
    _ whenListening: ([SocketAddress]) -> Void,
    _ isHandled: Bool,
    _ makeSink: @escaping MakeSink
  ) async throws(SocketError) -> Summary {
    let sockets = try ListeningSockets(
      count: group.loops.count,
      addresses: addresses,
      backlog: max(1, configuration.backlog),
      options: configuration.options
    )
    let connections = ServedConnections(limit: configuration.maximumConnections)
    let running = Running(
      loops: group.loops,
      before: self.group == nil ? LoopStatistics() : LoopStatistics(of: group.loops),
      connections: connections
    )
    let settings = ConnectionSettings(configuration.limits, isHandled: isHandled, configuration.options)
    return try await withTasks(on: group.loops, isHandled: isHandled) { services throws(SocketError) in
      var failure: SocketError?
      for (service, own) in zip(services, sockets.perLoop) {
        let isListening = await service.start(
          own,
          settings: settings,
          connections: connections,
          onError: configuration.onError,
          makeSink
        )
        if !isListening { failure = SocketError(.shuttingDown, .listen, peer: sockets.addresses.first) }
      }
      if let failure {
        sockets.removeFiles()
        await giveUp(services)
        throw failure
      }
      // A loop that ends takes its listener along, and nobody else would tell us.
      for service in services { service.whenStopped { self.stop.set() } }
      life.withLock { $0 = .serving(running) }
      if let loop = group.loops.first { reportMisfits(on: loop) }
      let places = sockets.addresses.map(\.description).joined(separator: ", ")
      logger?.info("listening", metadata: ["address": "\(places)", "loops": "\(group.loops.count)"])
      whenListening(sockets.addresses)

      #if Metrics
        let reporting = startReporting(running, at: sockets.addresses)
      #endif
      await stop.wait()
      // Before anybody stops listening, while the sockets still tell these files from those of others.
      sockets.removeFiles()
      let summary = await drain(services, running)
      #if Metrics
        reporting?.cancel()
        await reporting?.value
      #endif
      return summary
    }
  }

  /// Some loops listen, others end: ends what has begun.
  private func giveUp(_ services: [LoopService]) async {
    for service in services { await service.stopListening() }
    for service in services { service.abortAll() }
    for service in services { await service.finished() }
  }

  /// Stops accepting, waits for the connections to finish, closes what is left at the deadline.
  private func drain(_ services: [LoopService], _ running: Running) async -> Summary {
    logger?.info("draining", metadata: ["open": "\(running.statistics.connectionsOpen)"])
    for service in services { await service.stopListening() }
    for service in services { service.announceStop() }
    let deadline = Task {
      do throws(CancellationError) {
        try await running.loops[0].sleep(for: configuration.drainTimeout)
      } catch {
        // Either all connections have finished, or the loop ends, which closes them.
        guard !Task.isCancelled else { return }
      }
      hurry.set()
    }
    let end = Task {
      await hurry.wait()
      for service in services { service.abortAll() }
    }
    for service in services { await service.finished() }
    deadline.cancel()
    hurry.set()
    await end.value
    return Summary(totals: running.statistics, sharesLoops: group != nil)
  }

  /// Ends the server's own loops, and asks their arenas what is still out.
  private func end(_ loops: LoopGroup, _ summary: Summary) async -> Summary {
    await loops.shutdown()
    var summary = summary
    // Notifications of zero-copy sends came after the last connection.
    summary.totals.zeroCopyCopied = 0
    for loop in loops.loops {
      summary.totals.zeroCopyCopied += loop.statistics.zeroCopyCopied
      let report = await loop.memory.close(waitingUntil: .now)
      summary.viewsOut += report.readers + report.writers
      summary.slotsLeaked += loop.memory.slotsOut
      summary.reports.append(report)
    }
    return summary
  }
}
