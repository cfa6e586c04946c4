import Glibc

/// SIGINT and SIGTERM, blocked in every thread, to be waited for by one. See sigwait(3).
struct StopSignals {
  private var set = sigset_t()

  /// Blocks both in the calling thread and in the threads that it starts from now on.
  init() {
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, SIGINT)
    unsafe sigaddset(&set, SIGTERM)
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// Blocks the calling thread until one of them comes.
  func wait() {
    var set = set
    var signal: Int32 = 0
    while unsafe sigwait(&set, &signal) != 0 {}
  }
}
