internal import IOBuffers

/// One lookup, between the task that waits and the thread that looks. Finished once: by the thread, or by a cancellation.
@safe
final class LookupRequest: Sendable {
  typealias Answer = Result<[SocketAddress], any Error>

  @safe
  private struct State {
    // Resumed once: whoever sets the answer, under the lock, takes it out; and it is put in before that, or not at all.
    var waiter: UnsafeContinuation<Answer, Never>?
    var answer: Answer?
  }

  let host: String
  private let state = Guarded(State())

  init(_ host: String) {
    self.host = host
  }

  /// Whether nobody waits for the answer any more.
  var isOver: Bool { state.withLock { $0.answer != nil } }

  /// Waits for the answer; `begin` is called when it may come.
  func wait(_ begin: () -> Void) async throws -> [SocketAddress] {
    let answer = unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Answer, Never>) in
      let early = state.withLock { state -> Answer? in
        if state.answer == nil { unsafe state.waiter = continuation }
        return state.answer
      }
      // Cancelled before it began, if it has an answer.
      if let early { unsafe continuation.resume(returning: early) } else { begin() }
    }
    return try answer.get()
  }

  /// The first answer counts.
  func finish<Failure>(_ answer: Result<[SocketAddress], Failure>) {
    let answer = answer.mapError { $0 as any Error }
    let waiter = unsafe state.withLock { state -> UnsafeContinuation<Answer, Never>? in
      guard state.answer == nil else { return nil }
      state.answer = answer
      defer { unsafe state.waiter = nil }
      return unsafe state.waiter
    }
    unsafe waiter?.resume(returning: answer)
  }
}
