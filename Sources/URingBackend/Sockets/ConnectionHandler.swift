public import IOBuffers

/// A connection served synchronously, on its loop's thread: the fast path, and what adapters are built on.
///
/// One value is made for each connection and lives as long as the connection; it is never used from two threads, so it
/// need not be `Sendable`. Its methods must not block: every other connection of the loop waits meanwhile. A method
/// that throws closes (aborts) its own connection and no other.
public protocol ConnectionHandler: SendableMetatype {
  /// The connection stands. Does nothing by default.
  mutating func opened(_ connection: borrowing ConnectionContext) throws

  /// Bytes arrived: a locked view of the memory that the kernel filled. Keep it, pass it on, or drop it; the memory is
  /// reused when the last view of it is released.
  mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws

  /// The peer has ended its stream; sending still works. Closes gracefully by default.
  mutating func inputEnded(_ connection: borrowing ConnectionContext) throws

  /// Unsent bytes fell to the low-water mark after they had been above the high-water mark. Does nothing by default.
  mutating func outputDrained(_ connection: borrowing ConnectionContext) throws

  /// The connection is gone. `error` says why if it did not end in the ordinary way. Does nothing by default.
  mutating func closed(_ error: SocketError?)
}

extension ConnectionHandler {
  /// Does nothing.
  public mutating func opened(_ connection: borrowing ConnectionContext) throws {}
  /// Closes gracefully: what is queued goes out first.
  public mutating func inputEnded(_ connection: borrowing ConnectionContext) throws { connection.close() }
  /// Does nothing.
  public mutating func outputDrained(_ connection: borrowing ConnectionContext) throws {}
  /// Does nothing.
  public mutating func closed(_ error: SocketError?) {}
}

/// A connection as its handler sees it, for the length of one call.
///
/// It is borrowed and cannot be copied, so it cannot be kept: that is what confines it to the loop's thread. To reach
/// the connection later or from elsewhere, take `id` and use the loop.
@safe
public struct ConnectionContext: ~Copyable {
  private let engine: Unmanaged<TCPEngine>
  private let index: Int

  init(engine: Unmanaged<TCPEngine>, index: Int) {
    unsafe self.engine = engine
    self.index = index
  }

  @inline(__always)
  private func withEngine<R>(_ body: (TCPEngine) -> R) -> R {
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

  /// Half-close: a FIN follows what is queued. Receiving goes on.
  public func closeOutput() {
    withEngine { $0.endOutput(index) }
  }

  /// Closes gracefully: what is queued goes out first.
  public func close() {
    withEngine { $0.close(index) }
  }

  /// Closes at once; what is queued is dropped.
  public func abort() {
    withEngine { $0.abort(index, .closed) }
  }

  /// Stops or resumes receiving. Up to one slot may still arrive after a stop.
  public func pauseInput(_ paused: Bool) {
    withEngine { $0.pauseInput(index, paused) }
  }

  /// Bytes queued and not yet sent.
  public var unsentBytes: Int { withEngine { $0.records[index].machine.unsent } }

  /// The address on the other side.
  public var peer: SocketAddress? { withEngine { $0.records[index].peer } }

  /// Where buffers for replies come from.
  public var arena: BufferArena { withEngine { $0.arena } }

  /// The loop that this call runs on.
  public var loop: EventLoop { withEngine { $0.loop } }
}
