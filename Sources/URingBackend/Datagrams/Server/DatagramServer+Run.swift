internal import IOBuffers
internal import Logging

extension DatagramServer {
  /// Serves each socket with a handler of its own, called synchronously on the loop of the socket.
  ///
  /// - Parameters:
  ///   - whenBound: called once all sockets stand, with their address.
  ///   - handler: makes the handler of one socket, on its loop.
  /// - Returns: what the loops did meanwhile.
  /// - Throws: ``RunError``, `RingError` when no loop can be started, `SocketError` when the address cannot be had, or with
  ///   `.shuttingDown` when the loops of the group have ended.
  @discardableResult
  public func run<Handler: DatagramHandler & ~Copyable>(
    whenBound: (SocketAddress) -> Void = { _ in },
    handler: @escaping @Sendable () -> Handler
  ) async throws -> LoopStatistics {
    try await serve { group, sockets in
      let open = OpenSockets(stop)
      let served = try await opened(
        sockets,
        on: group,
        open: { socket, loop throws(SocketError) in
          try await ServedSocket.open(socket, on: loop) { engine in
            DatagramHandlerSink(engine, handler(), whenClosed: open.add())
          }
        },
        close: { $0.close() }
      )
      open.allStand()
      whenBound(sockets[0].local)
      await withTaskCancellationHandler {
        await stop.wait()
      } onCancel: {
        stop.set()
      }
      for socket in served { socket.close() }
      await open.none.wait()
    }
  }

  /// Serves each socket with a task of its own, on the loop of the socket: a child of the calling task.
  ///
  /// When `body` returns, its socket is closed; when it throws, too, and the error is logged. The server stops when all bodies
  /// have ended.
  ///
  /// - Parameters:
  ///   - whenBound: called once all sockets stand, with their address.
  ///   - body: runs for each socket, which it must not keep.
  /// - Returns: what the loops did meanwhile.
  /// - Throws: as `run(whenBound:handler:)` does.
  @discardableResult
  public func run(
    whenBound: (SocketAddress) -> Void = { _ in },
    _ body: @escaping @Sendable (DatagramSocket) async throws -> Void
  ) async throws -> LoopStatistics {
    try await serve { group, bound in
      let sockets = try await opened(
        bound,
        on: group,
        open: { socket, loop throws(SocketError) in try await DatagramSocket.open(socket, on: loop) },
        close: { await $0.close() }
      )
      whenBound(bound[0].local)
      await serve(sockets, body)
    }
  }

  /// Runs the bodies, and closes their sockets when the server stops.
  private func serve(
    _ sockets: [DatagramSocket],
    _ body: @escaping @Sendable (DatagramSocket) async throws -> Void
  ) async {
    let logger = logger
    let open = OpenSockets(stop)
    await withTaskCancellationHandler {
      await withDiscardingTaskGroup { group in
        for socket in sockets {
          let ended = open.add()
          group.addTask(executorPreference: socket.loop) {
            do {
              try await socket.serve(body)
            } catch {
              logger?.error("what serves a datagram socket threw", metadata: ["error": "\(error)"])
            }
            ended()
          }
        }
        open.allStand()
        await stop.wait()
        for socket in sockets { await socket.close() }
      }
    } onCancel: {
      stop.set()
    }
  }

  // MARK: What both have in common

  private func serve(
    _ body: nonisolated(nonsending) (LoopGroup, [BoundDatagramSocket]) async throws -> Void
  ) async throws -> LoopStatistics {
    let isFirst = hasRun.withLock { hasRun in
      defer { hasRun = true }
      return !hasRun
    }
    guard isFirst else { throw RunError() }
    if stop.isSet || Task.isCancelled { return LoopStatistics() }
    let loops =
      try group
      ?? LoopGroup(
        count: configuration.loops,
        pinned: configuration.pinned,
        configuration: configuration.loop,
        logger: logger
      )
    let before = group == nil ? LoopStatistics() : LoopStatistics(of: loops.loops)
    do {
      let sockets = try bind(count: loops.loops.count)
      logger?.info("bound", metadata: ["address": "\(sockets[0].local)", "loops": "\(sockets.count)"])
      try await body(loops, sockets)
    } catch {
      if group == nil { await loops.shutdown() }
      throw error
    }
    if group == nil { await loops.shutdown() }
    return LoopStatistics(of: loops.loops).since(before)
  }

  /// As many sockets as there are loops, all at one address.
  private func bind(count: Int) throws(SocketError) -> [BoundDatagramSocket] {
    var options = configuration.options
    let number = address.family == .unix ? 1 : count
    if number > 1 {
      if address.port != 0, !options.sharesPort {
        // SO_REUSEPORT would share the port with another program of the same user. A socket without it finds out.
        try BoundDatagramSocket(address, options).discard()
      }
      options.sharesPort = true
    }
    var sockets: [BoundDatagramSocket] = []
    do throws(SocketError) {
      for _ in 0..<number {
        // The kernel chose the port of the first; the others must have the same.
        let port = sockets.first?.local.port ?? address.port
        sockets.append(try BoundDatagramSocket(address.with(port: port), options))
      }
    } catch {
      for socket in sockets { socket.discard() }
      throw error
    }
    return sockets
  }

  /// Gives each loop its socket, all or none.
  private func opened<Socket>(
    _ sockets: [BoundDatagramSocket],
    on group: LoopGroup,
    open: nonisolated(nonsending) (BoundDatagramSocket, EventLoop) async throws(SocketError) -> Socket,
    close: nonisolated(nonsending) (Socket) async -> Void
  ) async throws(SocketError) -> [Socket] {
    var opened: [Socket] = []
    var failure: SocketError?
    for (loop, socket) in zip(group.loops, sockets) {
      guard failure == nil else {
        socket.discard()
        continue
      }
      do throws(SocketError) {
        opened.append(try await open(socket, loop))
      } catch {
        failure = error
      }
    }
    guard let failure else { return opened }
    for socket in opened { await close(socket) }
    throw failure
  }
}

extension DatagramSocket {
  /// Runs a server's body on the loop, and closes the socket behind it.
  fileprivate func serve(_ body: @Sendable (DatagramSocket) async throws -> Void) async throws {
    // The first job of this task runs right now, on the loop.
    sink.ownTask = loop.runningTask
    do {
      try await body(self)
    } catch {
      await end()
      throw error
    }
    await end()
  }

  private func end() async {
    await onLoop { self.sink.ownTask = .none }
    await close()
  }
}

/// A socket that a handler serves, by its name.
private struct ServedSocket: Sendable {
  let engine: DatagramEngine
  let index: Int
  let generation: UInt32

  static func open(
    _ socket: BoundDatagramSocket,
    on loop: EventLoop,
    _ makeSink: @escaping @Sendable (DatagramEngine) -> DatagramSink
  ) async throws(SocketError) -> ServedSocket {
    // Resumed by the closure, which the loop runs once, also after its end.
    let result = unsafe await withUnsafeContinuation {
      (continuation: UnsafeContinuation<Result<ServedSocket, SocketError>, Never>) in
      loop.execute {
        let result: Result<ServedSocket, SocketError>
        do throws(SocketError) {
          let engine = try DatagramEngine.of(loop, for: socket)
          let place = try engine.open(socket, sink: makeSink(engine))
          result = .success(
            ServedSocket(engine: engine, index: Int(place.record.index), generation: place.record.generation)
          )
        } catch {
          result = .failure(error)
        }
        unsafe continuation.resume(returning: result)
      }
    }
    return try result.get()
  }

  func close() {
    engine.loop.execute {
      if let place = engine.place(index, generation) { engine.close(place) }
    }
  }
}

/// Counts the sockets of a server that are open, or what serves them.
private final class OpenSockets: Sendable {
  /// Set when none is left.
  let none = ShutdownSignal()
  private let stop: ShutdownSignal
  // One more than there are, until all stand.
  private let count = Guarded(1)

  init(_ stop: ShutdownSignal) {
    self.stop = stop
  }

  /// One more. What is returned is called when it is closed.
  func add() -> @Sendable () -> Void {
    count.withLock { $0 += 1 }
    return { self.remove() }
  }

  func allStand() { remove() }

  private func remove() {
    let isEmpty = count.withLock { count in
      count -= 1
      return count == 0
    }
    guard isEmpty else { return }
    none.set()
    // All of them have ended by themselves, or with their loops.
    stop.set()
  }
}
