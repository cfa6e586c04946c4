/// What one call of `connect(host:port:)` asks for.
struct HostConnectRequest: Sendable {
  let host: String
  let port: UInt16
  let timeout: Duration
  let options: SocketOptions
  let settings: ConnectionSettings
  let resolver: any HostResolver

  /// Suspends the calling task until a connection stands, or nothing is under way any more. Any task.
  ///
  /// - Parameters:
  ///   - sink: who serves the connection; nil: nobody will any more. Called on the loop.
  ///   - result: makes the result from the open connection. Called on the loop.
  func run<Result: Sendable>(
    on loop: EventLoop,
    sink: @escaping @Sendable (StreamEngine) -> ConnectionSink?,
    result: @escaping @Sendable (StreamEngine, Int) -> Result
  ) async throws(HostConnectError) -> Result {
    let ticket = HostConnectTicket()
    let outcome = await withTaskCancellationHandler {
      // Resumed once: here when it cannot begin, otherwise by the connect, which completes once.
      unsafe await withUnsafeContinuation {
        (continuation: UnsafeContinuation<Swift.Result<Result, HostConnectError>, Never>) in
        loop.execute {
          guard let engine = loop.streams, !engine.isStopping, let sink = sink(engine) else {
            return unsafe continuation.resume(
              returning: .failure(HostConnectError(host: host, port: port, .shuttingDown))
            )
          }
          guard !ticket.cancellation.isCancelled else {
            return unsafe continuation.resume(returning: .failure(HostConnectError(host: host, port: port, .cancelled)))
          }
          sink.begin()
          ticket.key = engine.connect(self, sink) { outcome in
            unsafe continuation.resume(returning: outcome.map { result(engine, $0) })
            sink.end()
          }
        }
      }
    } onCancel: {
      ticket.cancellation.cancel()
      loop.execute {
        if let key = ticket.key { loop.streams?.hostConnects[key]?.giveUp(.cancelled) }
      }
    }
    return try outcome.get()
  }
}

/// One call, between its task and the loop.
private final class HostConnectTicket: @unchecked Sendable {
  // Why unchecked: `key` belongs to the loop's thread. What it names is looked up, and found only as long as it is under way.
  let cancellation = CancellationTicket()
  var key: UInt32?
}

extension StreamEngine {
  /// Begins to connect to a host; `completion` is called once. Returns the name of what is under way.
  fileprivate func connect(
    _ request: HostConnectRequest,
    _ sink: ConnectionSink,
    completion: @escaping (Result<Int, HostConnectError>) -> Void
  ) -> UInt32 {
    repeat { nextHostConnect &+= 1 } while hostConnects[nextHostConnect] != nil
    let key = nextHostConnect
    let connect = HostConnect(key: key, request, engine: self, sink: sink, completion: completion)
    hostConnects[key] = connect
    connect.begin()
    return key
  }

  /// Gives up what is under way for a sink; nil: for all.
  func giveUpHostConnects(of sink: ConnectionSink?, _ kind: SocketError.Kind) {
    // In the order in which they came, so that one run is like another.
    for key in hostConnects.keys.sorted() {
      if let connect = hostConnects[key], sink == nil || connect.sink === sink { connect.giveUp(kind) }
    }
  }
}
