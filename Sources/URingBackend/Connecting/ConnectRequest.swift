/// What one call of `connect` asks for.
struct ConnectRequest: Sendable {
  let address: SocketAddress
  let timeout: Duration
  let options: SocketOptions
  let settings: ConnectionSettings

  /// Suspends the calling task until the connection stands or the attempt has failed for good. Any task.
  ///
  /// - Parameters:
  ///   - sink: who serves the connection; nil: nobody will any more. Called on the loop.
  ///   - result: makes the result from the open connection. Called on the loop.
  func run<Result: Sendable>(
    on loop: EventLoop,
    sink: @escaping @Sendable (StreamEngine) -> ConnectionSink?,
    result: @escaping @Sendable (StreamEngine, Int) -> Result
  ) async throws(SocketError) -> Result {
    let ticket = ConnectTicket()
    let outcome = await withTaskCancellationHandler {
      // Resumed once: here when there is no engine or sink, otherwise by the attempt, which completes once.
      unsafe await withUnsafeContinuation {
        (continuation: UnsafeContinuation<Swift.Result<Result, SocketError>, Never>) in
        loop.execute {
          guard let engine = loop.streams, let sink = sink(engine) else {
            unsafe continuation.resume(returning: .failure(SocketError(.shuttingDown, .connect, peer: address)))
            return
          }
          // Whoever waits for the sink to be empty waits for this attempt too.
          sink.begin()
          ticket.start(self, engine, sink) { outcome in
            unsafe continuation.resume(returning: outcome.map { result(engine, $0) })
            sink.end()
          }
        }
      }
    } onCancel: {
      ticket.cancellation.cancel()
      loop.execute { ticket.cancel(on: loop) }
    }
    return try outcome.get()
  }
}

/// One call of `connect`, between its task and the loop.
private final class ConnectTicket: @unchecked Sendable {
  // Why unchecked: `key` belongs to the loop's thread; `start`, its completion and `cancel` all run there.
  let cancellation = CancellationTicket()
  private var key: UInt32?

  func start(
    _ request: ConnectRequest,
    _ engine: StreamEngine,
    _ sink: ConnectionSink,
    completion: @escaping (Result<Int, SocketError>) -> Void
  ) {
    guard !cancellation.isCancelled else {
      completion(.failure(SocketError(.cancelled, .connect, peer: request.address)))
      return
    }
    key = engine.connect(
      to: request.address,
      timeoutNanoseconds: LoopClock.deadline(after: request.timeout, from: 0),
      options: request.options,
      sink: sink,
      settings: request.settings
    ) { result in
      self.key = nil
      completion(result)
    }
  }

  func cancel(on loop: EventLoop) {
    if let key { loop.streams?.cancelConnect(key) }
  }
}
