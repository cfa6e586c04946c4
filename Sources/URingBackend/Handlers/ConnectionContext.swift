public import IOBuffers

/// A connection as its handler sees it, for the length of one call.
///
/// It is borrowed and cannot be copied, so it cannot be kept: that is what confines it to the loop's thread. To reach
/// the connection later or from elsewhere, take its `id` and use `EventLoop.withConnection`.
@safe
public struct ConnectionContext: ~Copyable {
  private let engine: Unmanaged<StreamEngine>
  let index: Int

  init(engine: Unmanaged<StreamEngine>, index: Int) {
    unsafe self.engine = engine
    self.index = index
  }

  @inline(__always)
  func withEngine<R>(_ body: (StreamEngine) -> R) -> R {
    // The context is borrowed for one call on the loop, in which the engine and the record are there.
    unsafe engine._withUnsafeGuaranteedRef { body($0) }
  }

  /// Queues a view for sending. The bytes go out in the order of the calls, straight from the view's memory; the
  /// completion releases it. Never blocks.
  ///
  /// - Returns: false when the view was refused because the connection's output is over; the view is released then.
  @discardableResult
  public func send(_ view: consuming ReadView) -> Bool {
    let detached = view.detach()
    return withEngine { $0.send(detached, on: index) != .refused }
  }

  /// Queues what a buffer holds. The buffer is consumed: nobody can write to it while the kernel reads.
  ///
  /// - Returns: false when it was refused because the connection's output is over, or because a view of the buffer is still
  ///   out that writes; it is released then.
  @discardableResult
  public func send(_ buffer: consuming PooledBuffer) -> Bool {
    do throws(BufferError) {
      return send(try buffer.finish())
    } catch {
      return false
    }
  }

  /// Queues a view on another connection of the same loop, as `send(_:)` does on this one; the name of another loop's connection
  /// finds nothing. Readers of one buffer may go to
  /// any number of connections: see `ReadView.share()`.
  ///
  /// - Returns: false when the view was refused because that connection is gone or its output is over; the view is
  ///   released then.
  @discardableResult
  public func send(_ view: consuming ReadView, to other: ConnectionID) -> Bool {
    let detached = view.detach()
    return withEngine { engine in
      guard let index = engine.find(other) else {
        detached.releaseReader()
        return false
      }
      return engine.send(detached, on: index) != .refused
    }
  }

  /// Half-close: a FIN follows what is queued. Receiving goes on.
  public func closeOutput() {
    withEngine { $0.endOutput(index) }
  }

  /// Closes gracefully: what is queued goes out first.
  public func close() {
    withEngine { $0.close(index) }
  }

  /// Closes at once; what is queued is dropped, and the peer sees a reset, so that it cannot take a cut stream for a whole
  /// one (RFC 9293, 3.10.5). Over a Unix socket it can: all that it sees there is an end.
  public func abort() {
    withEngine { $0.abort(index, .closed) }
  }

  /// Stops or resumes receiving. Up to one slot may still arrive after a stop.
  public func pauseInput(_ paused: Bool) {
    withEngine { $0.pauseInput(index, paused) }
  }

  /// Bytes queued and not yet sent.
  public var unsentBytes: Int { withEngine { $0.records[index].machine.unsent } }

  /// The connection's name, to be kept and used later: here with `send(_:to:)`, elsewhere with
  /// `EventLoop.withConnection`.
  public var id: ConnectionID { withEngine { $0.records[index].id } }

  /// The address on the other side.
  public var peer: SocketAddress? { withEngine { $0.records[index].peer } }

  /// Where buffers for replies come from.
  public var arena: BufferArena { withEngine { $0.memory.buffers } }

  /// The loop that this call runs on.
  public var loop: EventLoop { withEngine { $0.loop } }
}
