public import Logging

extension EventLoop {
  /// Starts a thread with a ring, an arena and an empty run queue, and returns once all three stand.
  ///
  /// Blocks the caller for the few milliseconds that takes.
  ///
  /// - Parameters:
  ///   - configuration: sizes and bounds; the defaults work.
  ///   - index: the loop's place in a group, part of its thread's name.
  ///   - logger: where the loop reports what nobody else can be told. Nil: nowhere.
  /// - Throws: `RingError` when there is no io_uring for this process, or no memory for the pool; it says which of
  ///   sysctl, seccomp, kernel and limits is the cause and what to do.
  public static func start(
    _ configuration: Configuration = Configuration(),
    index: Int = 0,
    logger: Logger? = nil
  ) throws(RingError) -> EventLoop {
    try start(configuration, index: index, logger: logger) { loop, configuration throws(RingError) in
      try TCPEngine(loop: loop, configuration: configuration)
    }
  }

  /// The sockets of this loop; nil once the loop has ended. Loop thread only.
  var tcp: TCPEngine? { client as? TCPEngine }
}
