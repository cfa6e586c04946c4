internal import IOBuffers

/// Calls that must have ended at an instant, however many of them there are.
extension TCPConnection {
  /// The next bytes, as `receive()`, and as `receiveUnlessStopping()` where a stop counts as an end.
  ///
  /// - Parameters:
  ///   - deadline: on the loop's clock; `.max`: none. When it is over nothing is received, also if something is there.
  ///   - endsOnStop: whether a stop is an end.
  func receive(until deadline: UInt64, endsOnStop: Bool) async throws(SocketError) -> ReadView? {
    guard deadline != .max else {
      return endsOnStop ? try await receiveUnlessStopping() : try await receive()
    }
    let timeout = loop.clock.time(until: deadline)
    if timeout == .zero { throw SocketError(.timedOut, .receive, peer: peer) }
    // Used once: here, or what comes instead of it. No timer for what is there.
    let outcome = unsafe endsOnStop ? receiveUnlessStoppingNow() : receiveNow()
    if unsafe !outcome.isPending, unsafe !outcome.isElsewhere { return try unsafe outcome.result() }
    let later = unsafe await receiveCancellable(timeout: timeout, endsOnStop: endsOnStop)
    return try unsafe later.result()
  }

  /// Runs a call that has no deadline of its own until then. It is cancelled then, and what it has come to counts.
  ///
  /// - Parameters:
  ///   - deadline: on the loop's clock; `.max`: none.
  ///   - operation: what is being done, for the error.
  ///   - body: throws `SocketError` alone.
  func run<Value: ~Copyable>(
    until deadline: UInt64,
    _ operation: SocketError.Operation,
    _ body: nonisolated(nonsending) () async throws(SocketError) -> Value
  ) async throws(SocketError) -> Value {
    guard deadline != .max else { return try await body() }
    do {
      return try await loop.withDeadline(after: loop.clock.time(until: deadline)) { try await body() }
    } catch let error as SocketError {
      throw error
    } catch is DeadlineExceeded {
      throw SocketError(.timedOut, operation, peer: peer)
    } catch {
      throw SocketError(.cancelled, operation, peer: peer)
    }
  }
}
