internal import Synchronization

/// A value behind a mutex, like `Mutex`, in a form that the thread sanitizer understands.
///
/// On Linux a contended `Mutex` is handed over by the kernel (FUTEX_UNLOCK_PI). The sanitizer cannot see that and reports
/// races that are none, in two-line programs too. So each holder also stores to an atomic that the next one loads: two
/// ordinary moves, which order nothing that the mutex does not order already.
package struct Guarded<Value: Sendable>: ~Copyable, Sendable {
  private let mutex: Mutex<Value>
  private let handover = Atomic<UInt8>(0)

  package init(_ value: Value) {
    mutex = Mutex(value)
  }

  /// Runs `body` while nobody else does. It must not call foreign code: no continuations, no callbacks.
  package borrowing func withLock<R: Sendable>(_ body: (inout Value) -> R) -> R {
    mutex.withLock { value in
      _ = handover.load(ordering: .acquiring)
      defer { handover.store(0, ordering: .releasing) }
      return body(&value)
    }
  }
}
