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
public final class TCPConnection: Sendable {
  let engine: StreamEngine
  let sink: AsyncSink
  let id: ConnectionID
  private let closesWhenDropped: Bool

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

  /// Runs the body of an accepted connection in its own task, on the loop, and closes the connection behind it.
  func run(_ body: AsyncSink.Body) async {
    // The first job of this task runs right now.
    if let index = engine.find(id) { sink.states[index].ownTask = loop.runningTask }
    do {
      try await body(self)
      await finish { $0.close($1) }
    } catch {
      await finish { engine, index in
        engine.report(error, of: index, to: self.sink.onError)
        engine.abort(index, .closed)
      }
    }
  }

  private func finish(_ body: @escaping @Sendable (StreamEngine, Int) -> Void) async {
    await onLoop { engine, id in
      guard let index = engine.find(id) else { return }
      self.sink.states[index].task = nil
      self.sink.states[index].ownTask = .none
      body(engine, index)
    }
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
