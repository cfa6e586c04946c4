public import IOBuffers
internal import Logging

/// A TCP connection as tasks use it.
///
/// Bytes come as locked views of the memory that the kernel filled (`receive`), and go out of the memory that a view
/// locks (`send`): nothing is copied on the way.
///
/// A reference may be used from any task. On the loop's own tasks, such as the one that `TCPServer` runs for a
/// connection, calls go straight to the connection; from elsewhere they hop to the loop and back by themselves. A
/// stream has one reader at a time; any number of tasks may send, and what each sends stays in one piece.
@safe
public final class TCPConnection: @unchecked Sendable {
  // Why unchecked: the two variables belong to the loop's thread. The rest is constant and Sendable.

  let engine: StreamEngine
  let sink: AsyncSink
  /// The connection's name, for whoever has several: `Broadcast.send(_:except:)`, and `ConnectionContext.send(_:to:)` on the same loop.
  public let id: ConnectionID
  private let closesWhenDropped: Bool
  /// The task that a server runs for this connection, while its body runs.
  private var task: UnsafeCurrentTask?
  private var isCancelled = false

  /// The address on the other side, as it was when the connection was made.
  public let peer: SocketAddress?

  init(engine: StreamEngine, sink: AsyncSink, id: ConnectionID, peer: SocketAddress?, closesWhenDropped: Bool) {
    self.engine = engine
    self.sink = sink
    self.id = id
    self.peer = peer
    self.closesWhenDropped = closesWhenDropped
  }

  deinit {
    // A client's connection that nobody holds any more would stay open for ever.
    guard closesWhenDropped else { return }
    engine.loop.execute { [engine, id] in
      if let index = engine.find(id) { engine.close(index) }
    }
  }

  /// The loop that the connection lives on.
  public var loop: EventLoop { engine.loop }

  /// Where buffers for replies come from: the arena of the connection's loop.
  public var arena: BufferArena { engine.memory.buffers }

  /// The task of an accepted connection: runs the server's body on the loop, and closes the connection behind it.
  func serve() async {
    guard let body = sink.body else { return }
    // The first job of this task runs right now.
    if let index = engine.find(id) { sink.states[index].ownTask = loop.runningTask }
    // A child of a group cannot be cancelled by its parent alone. Its own reference is good for the length of this call, and
    // may be used from elsewhere for what a `Task` can do, too: `run` drops it before it returns.
    unsafe await withUnsafeCurrentTask { task in
      unsafe self.task = task
      if isCancelled { unsafe task?.cancel() }
      await run(body)
    }
    sink.end()
  }

  private func run(_ body: AsyncSink.Body) async {
    var failure: (any Error)?
    do {
      try await body(self)
    } catch {
      failure = error
    }
    let isCancelled = Task.isCancelled
    if loop.isCurrent {
      finish(failure, isCancelled)
    } else {
      await onLoop { [failure] _, _ in self.finish(failure, isCancelled) }
    }
  }

  /// The body is over. Loop only.
  private func finish(_ failure: (any Error)?, _ isCancelled: Bool) {
    unsafe task = nil
    guard let index = engine.find(id) else { return }
    sink.states[index].served = nil
    sink.states[index].ownTask = .none
    if let failure {
      engine.report(failure, of: index, to: sink.onError, isCancelled: isCancelled)
      engine.abort(index, .closed)
    } else {
      engine.close(index)
    }
  }

  /// Cancels the task that the server runs for this connection, also one that has yet to begin. On the loop's thread, and not
  /// in the middle of the engine's work.
  func cancelTask() {
    isCancelled = true
    // Still running: see `serve`.
    unsafe task?.cancel()
  }

  /// Runs `body` on the loop and returns its result: directly when the caller is there.
  func onLoop<R: Sendable>(_ body: @escaping @Sendable (StreamEngine, ConnectionID) -> R) async -> R {
    if loop.isCurrent { return body(engine, id) }
    // Resumed by the closure, which the loop runs once, also after its end.
    return unsafe await withUnsafeContinuation { continuation in
      loop.submit(.closure { unsafe continuation.resume(returning: body(self.engine, self.id)) })
    }
  }
}
