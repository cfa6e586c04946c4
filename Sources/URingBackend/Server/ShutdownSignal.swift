internal import IOBuffers

/// Set once, from any thread; one task waits for it.
@safe
final class ShutdownSignal: Sendable {
  @safe
  private struct State {
    var isSet = false
    var waiter: UnsafeContinuation<Void, Never>?
  }

  private let state = Guarded(State())

  func set() {
    let waiter = unsafe state.withLock { state in
      state.isSet = true
      defer { unsafe state.waiter = nil }
      return unsafe state.waiter
    }
    unsafe waiter?.resume()
  }

  func wait() async {
    unsafe await withUnsafeContinuation { continuation in
      let resume = state.withLock { state in
        if !state.isSet { unsafe state.waiter = continuation }
        return state.isSet
      }
      if resume { unsafe continuation.resume() }
    }
  }
}
