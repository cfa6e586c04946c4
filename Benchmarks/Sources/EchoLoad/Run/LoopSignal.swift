/// Lets one task wait for something that happens on its loop. Loop thread only.
@safe
final class LoopSignal {
  private var hasFired = false
  private var waiter: UnsafeContinuation<Void, Never>?

  /// Returns once the signal has fired, at once if it has already; it can then fire again.
  func wait() async {
    if !hasFired {
      unsafe await withUnsafeContinuation { unsafe waiter = $0 }
    }
    hasFired = false
  }

  /// Wakes the task that waits, or the next one that will.
  func fire() {
    hasFired = true
    let waiting = unsafe waiter
    unsafe waiter = nil
    unsafe waiting?.resume()
  }
}
