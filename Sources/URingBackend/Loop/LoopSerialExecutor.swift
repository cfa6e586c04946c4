/// The loop as the executor of actors: an actor whose `unownedExecutor` is this one's runs on the loop's thread.
///
/// ```swift
/// actor Session {
///   let loop: EventLoop
///   nonisolated var unownedExecutor: UnownedSerialExecutor { loop.serialExecutor.asUnownedSerialExecutor() }
/// }
/// ```
/// It is an object of its own, apart from the loop as a task's preferred executor: the runtime asks on which of the two
/// a job runs, and a job that ran on the wrong one would be queued a second time.
///
/// The actor must hold the loop: this object does not.
@safe
public final class LoopSerialExecutor: SerialExecutor, @unchecked Sendable {
  // Why unchecked: `target` is set once, by the loop's own initializer, before anybody else can see this object.
  private unowned(unsafe) var target: EventLoop?

  init() {}

  func attach(to loop: EventLoop) {
    unsafe target = loop
  }

  /// Takes a job of an actor. Part of `SerialExecutor`; any thread.
  public func enqueue(_ job: consuming ExecutorJob) {
    unsafe target?.enqueue(LoopJob(job: UnownedJob(job), isActorJob: true))
  }

  /// Traps unless the caller runs on the loop's thread. Part of `SerialExecutor`.
  public func checkIsolated() {
    precondition(unsafe target?.isCurrent == true, "this code must run on the thread of its event loop")
  }

  /// The same question without a trap. Part of `SerialExecutor`.
  public func isIsolatingCurrentContext() -> Bool? { unsafe target?.isCurrent }
}
