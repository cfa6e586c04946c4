internal import IOBuffers

/// Set once, from any thread; one task waits for it, because a server runs once.
@safe
final class ShutdownSignal: Sendable {
  @safe
  private struct State {
    var isSet = false
    // Resumed once: whoever takes it out, under the lock, resumes it; and it is put in before the signal is set, or not at
    // all.
    var waiter: UnsafeContinuation<Void, Never>?
  }

  private let state = Guarded(State())

  var isSet: Bool { state.withLock { $0.isSet } }

  func set() {
    let waiter = unsafe state.withLock { state in
      state.isSet = true
      defer { unsafe state.waiter = nil }
      return unsafe state.waiter
    }
    unsafe waiter?.resume()
  }

  func wait() async {
    // Either the signal is set and the task goes on at once, or `set` finds it here.
    unsafe await withUnsafeContinuation { continuation in
      let resume = state.withLock { state in
        if !state.isSet {
          assert(unsafe state.waiter == nil, "one task waits")
          unsafe state.waiter = continuation
        }
        return state.isSet
      }
      if resume { unsafe continuation.resume() }
    }
  }
}
