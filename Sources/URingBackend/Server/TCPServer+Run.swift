internal import IOBuffers
internal import Logging
internal import Synchronization

extension TCPServer {
  /// Serves each connection with a task of its own, on the loop of the connection.
  ///
  /// When `body` returns, the connection closes gracefully; when it throws, the connection is closed, and no other.
  ///
  /// - Parameters:
  ///   - whenListening: called once all listeners stand, with the address where they listen.
  ///   - body: runs for each connection.
  /// - Returns: what the server did in its life.
  /// - Throws: `RingError` when no loop can be started, `SocketError` when the address cannot be had.
  @discardableResult
  public func run(
    whenListening: (SocketAddress) -> Void = { _ in },
    _ body: @escaping @Sendable (TCPConnection) async throws -> Void
  ) async throws -> Summary {
    try await serve(whenListening) { engine, budget in
      AsyncSink(engine: engine, budget: budget, body: body)
    }
  }

  /// Serves each connection with a handler of its own, called synchronously on the loop of the connection.
  ///
  /// - Parameters:
  ///   - whenListening: called once all listeners stand, with the address where they listen.
  ///   - handler: makes the handler of one connection. A throw closes that connection.
  /// - Returns: what the server did in its life.
  /// - Throws: `RingError` when no loop can be started, `SocketError` when the address cannot be had.
  @discardableResult
  public func run<Handler: ConnectionHandler>(
    whenListening: (SocketAddress) -> Void = { _ in },
    handler: @escaping @Sendable () throws -> Handler
  ) async throws -> Summary {
    try await serve(whenListening, isHandled: true) { engine, budget in
      HandlerSink(engine: engine, budget: budget, make: handler)
    }
  }

  typealias MakeSink = @Sendable (TCPEngine, ConnectionBudget) -> ConnectionSink

  private func serve(
    _ whenListening: (SocketAddress) -> Void,
    isHandled: Bool = false,
    _ makeSink: @escaping MakeSink
  ) async throws -> Summary {
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
    _ whenListening: (SocketAddress) -> Void,
    _ isHandled: Bool,
    _ makeSink: @escaping MakeSink
  ) async throws(SocketError) -> Summary {
    let sockets = try ListeningSockets(
      count: group.loops.count,
      address: address,
      backlog: configuration.backlog,
      options: configuration.options
    )
    let budget = ConnectionBudget(limit: configuration.maximumConnections)
    let settings = ConnectionSettings(configuration.limits, isHandled: isHandled)
    var services: [LoopService] = []
    var failure: SocketError?
    for (loop, descriptor) in zip(group.loops, sockets.descriptors) {
      let service = LoopService(loop)
      services.append(service)
      if await !service.start(descriptor, address: sockets.address, settings: settings, budget: budget, makeSink) {
        failure = SocketError(.shuttingDown, .listen, peer: sockets.address)
      }
    }
    if let failure {
      for service in services { await service.stopListening() }
      throw failure
    }
    running.withLock { $0 = group.loops }
    defer { running.withLock { $0 = [] } }
    logger?.info("listening", metadata: ["address": "\(sockets.address)", "loops": "\(group.loops.count)"])
    whenListening(sockets.address)

    await withTaskCancellationHandler {
      await stop.wait()
    } onCancel: {
      stop.set()
    }
    return await drain(services, group)
  }

  /// Stops accepting, waits for the connections to finish, closes what is left at the deadline.
  private func drain(_ services: [LoopService], _ group: LoopGroup) async -> Summary {
    logger?.info("draining", metadata: ["open": "\(statistics.connectionsOpen)"])
    for service in services { await service.stopListening() }
    let deadline = Task {
      do throws(CancellationError) {
        try await group.loops[0].sleep(for: configuration.drainTimeout)
        hurry.set()
      } catch {}
    }
    let end = Task {
      await hurry.wait()
      for service in services { service.abortAll() }
    }
    for service in services { await service.finished() }
    deadline.cancel()
    hurry.set()
    await end.value
    return Summary(totals: statistics)
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

/// The listening sockets of one server: one per loop, on one port.
private struct ListeningSockets {
  let descriptors: [Int32]
  let address: SocketAddress

  init(count: Int, address: SocketAddress, backlog: Int32, options: SocketOptions) throws(SocketError) {
    var open: [Int32] = []
    var bound = address
    do throws(SocketError) {
      if count > 1, address.port != 0 {
        // SO_REUSEPORT would share the port with another server of the same user, who would wonder where half of the
        // connections went. A listener without it finds out.
        let probe = try Socket.listen(on: address, backlog: 1, options: options, sharesPort: false)
        Socket.close(probe)
      }
      for _ in 0..<count {
        let descriptor = try Socket.listen(on: bound, backlog: backlog, options: options, sharesPort: count > 1)
        open.append(descriptor)
        // The kernel chose the port; the others must have the same.
        bound = Socket.localAddress(of: descriptor) ?? bound
      }
    } catch {
      for descriptor in open { Socket.close(descriptor) }
      throw error
    }
    descriptors = open
    self.address = bound
  }
}
