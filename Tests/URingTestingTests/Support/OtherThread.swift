import Glibc

/// A thread for the length of one call.
enum OtherThread {
  struct NoThread: Error {}

  private final class Work {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
  }

  /// Runs `body` on another thread, and returns when it has run.
  static func run(_ body: () -> Void) throws {
    try withoutActuallyEscaping(body) { body in
      // The reference is the thread's, or given back where there is none.
      let work = unsafe Unmanaged.passRetained(Work(body))
      var thread = pthread_t()
      let code = unsafe pthread_create(
        &thread,
        nil,
        { argument in
          guard let argument = unsafe argument else { return nil }
          unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
          return nil
        },
        work.toOpaque()
      )
      guard code == 0 else {
        unsafe work.release()
        throw NoThread()
      }
      pthread_join(thread, nil)
    }
  }
}
