/// One server's share of one loop. Its variables belong to the loop's thread.
///
/// Each method hands one closure to the loop, which runs every closure once: on its thread, or, when it has ended, on the
/// thread that brought it (`EventLoop.drainAfterStop`). So each continuation below is resumed once.
final class LoopService: @unchecked Sendable {
  // Why unchecked: `sink`, `listeners` and `stopping` are touched on the loop's thread alone.
  let loop: EventLoop
  private let spawner = TaskSpawner()
  private var sink: ConnectionSink?
  private var listeners: [UInt32] = []
  /// Listeners that are not closed yet, while `stopListening` waits for them.
  private var stopping = 0

  init(_ loop: EventLoop) {
    self.loop = loop
  }

  /// Starts accepting on listening sockets, which belong to the loop from now on. False: the loop is ending.
  func start(
    _ sockets: [ListeningSocket],
    settings: ConnectionSettings,
    connections: ServedConnections,
    onError: TCPServer.ErrorReport?,
    _ makeSink: @escaping TCPServer.MakeSink
  ) async -> Bool {
    await onLoop { [self] engine in
      guard let engine else {
        for socket in sockets { Socket.close(socket.descriptor) }
        return false
      }
      let sink = makeSink(engine, connections, spawner, onError)
      self.sink = sink
      listeners = sockets.compactMap { socket in
        engine.startListening(
          socket.descriptor,
          address: socket.address,
          isShared: socket.isShared,
          sink: sink,
          settings: settings,
          budget: connections.budget
        )
      }
      return listeners.count == sockets.count
    }
  }

  /// Calls `body` once when this loop accepts no more, be it that the loop ends: at once if that is so. On the loop's
  /// thread, or on this one.
  func whenStopped(_ body: @escaping @Sendable () -> Void) {
    loop.execute { [self] in
      // They all end with the loop, so one tells of all.
      if let engine = loop.streams, let listening = listeners.lazy.compactMap({ engine.listeners[$0] }).first {
        listening.onStopped.append(body)
      } else {
        body()
      }
    }
  }

  /// Stops accepting; returns when the listening descriptors are closed.
  func stopListening() async {
    // The engine calls back once for each, when the descriptor is closed; the end of a loop waits for that.
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      loop.execute { [self] in
        let listening = listeners.compactMap { loop.streams?.listeners[$0] }
        guard let engine = loop.streams, !listening.isEmpty else {
          unsafe continuation.resume()
          return
        }
        stopping = listening.count
        for listener in listening {
          engine.stopListening(listener) { [self] in
            stopping -= 1
            if stopping == 0 { unsafe continuation.resume() }
          }
        }
      }
    }
  }

  /// Tells every connection of this server that it stops, so that those which have nothing to do can end.
  func announceStop() {
    loop.execute { [self] in
      if let sink { loop.streams?.beginStopping(of: sink) }
    }
  }

  /// Closes every connection of this server, and cancels their tasks.
  func abortAll() {
    loop.execute { [self] in
      if let sink { loop.streams?.abortAll(of: sink, .shuttingDown) }
    }
  }

  /// Returns when every connection is closed and every task has ended.
  func finished() async {
    // A sink calls back once, when nothing of it is left; each connection and each task ends, also when the loop does.
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      loop.execute { [self] in
        if let sink {
          sink.whenEmpty { unsafe continuation.resume() }
        } else {
          unsafe continuation.resume()
        }
      }
    }
  }

  /// Starts the tasks of this server's connections, as children of the calling task, which prefers the loop. Returns after
  /// `endTasks`, when they have ended.
  func runTasks() async {
    await spawner.run(on: loop)
  }

  /// No connection comes any more.
  func endTasks() {
    loop.execute { [self] in spawner.finish() }
  }

  private func onLoop(_ body: @escaping @Sendable (StreamEngine?) -> Bool) async -> Bool {
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Bool, Never>) in
      loop.execute { [self] in
        let result = body(loop.streams)
        unsafe continuation.resume(returning: result)
      }
    }
  }
}
