/// Where one of two tasks waits for the other. On the thread of their loop only.
@safe
final class Seat: @unchecked Sendable {
  // Why unchecked: both tasks prefer one loop, so they run on one thread, one after the other.
  private var waiting: UnsafeContinuation<Void, Never>?
  private var isAlone = false

  /// Resumes the other task, and suspends until it resumes this one.
  @inline(__always)
  func change() async {
    guard !isAlone else { return }
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      let other = unsafe waiting
      unsafe waiting = continuation
      unsafe other?.resume()
    }
  }

  /// This task is done: the other one must not wait for it.
  func leave() {
    isAlone = true
    let other = unsafe waiting
    unsafe waiting = nil
    unsafe other?.resume()
  }
}
