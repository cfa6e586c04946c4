import Glibc
@testable import URingBackend

/// A second thread that does one piece of work at a time while the first one waits.
@safe
final class Worker: @unchecked Sendable {
  // Why unchecked: the semaphores pass `work` and `result` back and forth; only one side touches them at a time.
  private let ready: UnsafeMutablePointer<sem_t>
  private let done: UnsafeMutablePointer<sem_t>
  private var work: (() -> UInt64)?
  private var result: UInt64 = 0

  init() throws {
    unsafe ready = .allocate(capacity: 1)
    unsafe done = .allocate(capacity: 1)
    unsafe sem_init(ready, 0, 0)
    unsafe sem_init(done, 0, 0)
    try LoopThread.start { [self] in serve() }
  }

  deinit {
    unsafe sem_destroy(ready)
    unsafe sem_destroy(done)
    unsafe ready.deallocate()
    unsafe done.deallocate()
  }

  /// Runs `body` there and returns what it returns.
  func run(_ body: @escaping () -> UInt64) -> UInt64 {
    work = body
    unsafe sem_post(ready)
    while unsafe sem_wait(done) != 0 {}
    return result
  }

  /// Ends the thread.
  func stop() {
    work = nil
    unsafe sem_post(ready)
  }

  private func serve() {
    while true {
      while unsafe sem_wait(ready) != 0 {}
      guard let work else { return }
      result = work()
      unsafe sem_post(done)
    }
  }
}
