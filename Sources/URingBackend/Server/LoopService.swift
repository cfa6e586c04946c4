/// One server's share of one loop. Its variables belong to the loop's thread.
final class LoopService: @unchecked Sendable {
  // Why unchecked: `sink` and `listener` are touched on the loop's thread alone.
  private let loop: EventLoop
  private var sink: ConnectionSink?
  private var listener: UInt32?

  init(_ loop: EventLoop) {
    self.loop = loop
  }

  /// Starts accepting on a listening descriptor, which belongs to the loop from now on. False: the loop is ending.
  func start(
    _ descriptor: Int32,
    address: SocketAddress,
    settings: ConnectionSettings,
    budget: ConnectionBudget,
    _ makeSink: @escaping TCPServer.MakeSink
  ) async -> Bool {
    await onLoop { [self] engine in
      guard let engine else {
        Socket.close(descriptor)
        return false
      }
      let sink = makeSink(engine, budget)
      self.sink = sink
      listener = engine.startListening(
        descriptor,
        address: address,
        sink: sink,
        settings: settings,
        budget: budget
      )
      return listener != nil
    }
  }

  /// Stops accepting; returns when the listening descriptor is closed.
  func stopListening() async {
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      loop.execute { [self] in
        guard let engine = loop.tcp, let key = listener, let listening = engine.listeners[key] else {
          unsafe continuation.resume()
          return
        }
        engine.stopListening(listening) { unsafe continuation.resume() }
      }
    }
  }

  /// Closes every connection of this server, and cancels their tasks.
  func abortAll() {
    loop.execute { [self] in
      if let sink { loop.tcp?.abortAll(of: sink, .shuttingDown) }
    }
  }

  /// Returns when every connection is closed and every task has ended.
  func finished() async {
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

  private func onLoop(_ body: @escaping @Sendable (TCPEngine?) -> Bool) async -> Bool {
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Bool, Never>) in
      loop.execute { [self] in
        let result = body(loop.tcp)
        unsafe continuation.resume(returning: result)
      }
    }
  }
}
