public import IOBuffers

/// The graceful stop of a server, as the task of a connection sees it.
extension TCPConnection {
  /// Whether the server stops: connections have until its drain deadline (`TCPServer.Configuration.drainTimeout`) to finish.
  /// Always false for a connection that this side opened. On the connection's loop only; false elsewhere.
  public var isStopping: Bool {
    guard loop.isCurrent, let index = engine.find(id) else { return false }
    return sink.states[index].isStopping
  }

  /// As `receive()`, for a connection that is between messages: nil also when the server stops and nothing has arrived. What
  /// arrives up to then is returned, so a loop of this call answers every request that came before the stop.
  ///
  /// ```swift
  /// while let view = try await connection.receiveUnlessStopping() { try await connection.send(view) }
  /// ```
  ///
  /// - Throws: as `receive()` does.
  @inlinable
  public func receiveUnlessStopping() async throws(SocketError) -> ReadView? {
    var outcome = unsafe receiveUnlessStoppingNow()
    if unsafe outcome.isPending { unsafe outcome = await suspend { unsafe park($0, endsOnStop: true) } }
    if unsafe outcome.isElsewhere { unsafe outcome = await receiveCancellable(endsOnStop: true) }
    return try unsafe outcome.result()
  }

  @usableFromInline
  func receiveUnlessStoppingNow() -> ReceiveOutcome {
    let outcome = unsafe receiveNow()
    // Pending: the connection is there, and nothing is there for us.
    if unsafe outcome.isPending, sink.states[Int(id.index)].isStopping { return unsafe .end }
    return unsafe outcome
  }

  /// Suspends until the server stops, or the connection is closed. Any task; for what serves a connection while it waits for
  /// something else than bytes. A cancelled task returns at once.
  public func waitUntilStopping() async {
    let wait = StopWait()
    await withTaskCancellationHandler {
      // `StopWait` forgets it when it resumes it.
      unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
        loop.execute { [self] in
          unsafe wait.continuation = continuation
          guard !wait.ticket.isCancelled, let index = engine.find(id), !sink.states[index].isStopping else {
            return wait.resume()
          }
          sink.states[index].addStopWaiter { wait.resume() }
        }
      }
    } onCancel: {
      wait.ticket.cancel()
      loop.execute { wait.resume() }
    }
  }
}

/// One call of `waitUntilStopping`. Its continuation belongs to the loop's thread.
@safe
private final class StopWait: @unchecked Sendable {
  // Why unchecked: `continuation` is touched on the loop's thread alone.
  let ticket = CancellationTicket()
  var continuation: UnsafeContinuation<Void, Never>?

  func resume() {
    let waiting = unsafe continuation
    unsafe continuation = nil
    unsafe waiting?.resume()
  }
}
