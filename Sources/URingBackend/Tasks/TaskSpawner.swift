internal import DequeModule

/// Starts the tasks of one loop's connections as children of the task that serves: so they see its task-locals, are cancelled
/// with it, and it does not end before them.
///
/// Connections come out of completions, where no task runs that could have children. So a child of `TCPServer.run` that prefers
/// the loop waits here. The first connection of a batch resumes it, in the loop's next turn it starts all that have come, and
/// those begin in the same turn: no hop, and nothing per message.
@safe
final class TaskSpawner: @unchecked Sendable {
  // Why unchecked: every method runs on the loop's thread, or, when the loop has ended, in its place.

  /// Have no task yet, in the order in which they came.
  private var arrived = Deque<TCPConnection>()
  private var waiter: UnsafeContinuation<Void, Never>?
  private var isOver = false

  /// Gives a connection its task.
  func start(_ connection: TCPConnection) {
    assert(!isOver, "connections come before the end")
    arrived.append(connection)
    wake()
  }

  /// Lets `run` return when the tasks that were started have ended.
  func finish() {
    isOver = true
    wake()
  }

  /// Starts tasks until `finish`, and returns when all of them have ended. Called once, by a task that prefers the loop.
  func run(on loop: EventLoop) async {
    await withDiscardingTaskGroup { group in
      while await hasArrived() {
        while let connection = arrived.popFirst() {
          group.addTask(executorPreference: loop) { await connection.serve() }
        }
      }
    }
  }

  /// Waits for a connection. False: there will be no more.
  private func hasArrived() async -> Bool {
    while arrived.isEmpty {
      if isOver { return false }
      // Resumed by whoever takes it out, once; and nothing comes between the question and the wait, on one thread.
      unsafe await suspend { unsafe waiter = $0 }
    }
    return true
  }

  private func wake() {
    let waiting = unsafe waiter
    unsafe waiter = nil
    unsafe waiting?.resume()
  }
}
