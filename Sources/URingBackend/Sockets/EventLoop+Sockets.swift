internal import IOBuffers
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
  /// - Throws: `RingError` when there is no memory for the pool, or no io_uring for this process and it was asked for
  ///   (``Configuration/driver``); it says which of sysctl, seccomp, kernel and limits is the cause and what to do.
  public static func start(
    _ configuration: Configuration = Configuration(),
    index: Int = 0,
    logger: Logger? = nil
  ) throws(RingError) -> EventLoop {
    try start(configuration, index: index, logger: logger) { loop, configuration throws(RingError) in
      try StreamEngine(loop: loop, configuration: configuration)
    }
  }

  /// Calls `body` with a connection of this loop: how code that runs on the loop reaches a connection outside of its
  /// handler's calls, such as a task that prefers the loop, or a closure of `execute`.
  ///
  /// Loop thread only; while the loop runs it traps elsewhere, because a connection belongs to its loop.
  ///
  /// - Returns: what `body` returns; nil when the connection is gone, as all of them are once the loop has ended.
  public func withConnection<Result>(
    _ id: ConnectionID,
    _ body: (borrowing ConnectionContext) throws -> Result
  ) rethrows -> Result? {
    guard isCurrent else {
      // Whoever waits for the loop's end, or comes after it, cannot know in time.
      precondition(hasEnded, "a connection may be used on the thread of its loop only; see EventLoop.execute")
      return nil
    }
    guard let engine = streams, let index = engine.find(id) else { return nil }
    return try withExtendedLifetime(engine) {
      // The context is borrowed: it cannot outlive this call, in which the engine is held.
      try body(unsafe ConnectionContext(engine: Unmanaged.passUnretained(engine), index: index))
    }
  }

  /// The sockets of this loop; nil once the loop has ended. Loop thread only.
  var streams: StreamEngine? { client as? StreamEngine }
}

extension SocketError: CancellationReport {
  var isCancellation: Bool { kind == .cancelled }
}

extension BufferError: CancellationReport {
  var isCancellation: Bool { self == .cancelled }
}
