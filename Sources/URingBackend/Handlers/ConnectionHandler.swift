public import IOBuffers

/// A connection served synchronously, on its loop's thread: the fast path, and what adapters are built on.
///
/// One value is made for each connection and lives as long as the connection; it is never used from two threads, so it
/// need not be `Sendable`, and it is never copied, so it need not be `Copyable`: a `struct Handler: ConnectionHandler, ~Copyable`
/// may keep views and buffers in its fields. Its methods must not block: every other connection of the loop waits meanwhile. A method
/// that throws gives its own connection up, and no other: what it had queued is dropped, and the peer sees a reset. The error
/// is logged and goes to `TCPServer.Configuration.onError`.
///
/// The end of a connection: `inputEnded` when the peer has ended its stream, which sending survives; `closed`, always and
/// last. A reset, a failure or a deadline comes as `closed` with its error, and as nothing else.
public protocol ConnectionHandler: ~Copyable, SendableMetatype {
  /// The connection stands. Does nothing by default.
  mutating func opened(_ connection: borrowing ConnectionContext) throws

  /// Bytes arrived: a locked view of the memory that the kernel filled. Keep it, pass it on, or drop it; the memory is
  /// reused when the last view of it is released.
  mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws

  /// The peer has ended its stream; sending still works. Closes gracefully by default. A handler that does not close must
  /// call `closeOutput` in the end: the connection closes when both directions are over.
  mutating func inputEnded(_ connection: borrowing ConnectionContext) throws

  /// Unsent bytes fell to the low-water mark after they had been above the high-water mark. Does nothing by default.
  mutating func outputDrained(_ connection: borrowing ConnectionContext) throws

  /// The server stops, and lets its connections finish until its drain deadline (`TCPServer.Configuration.drainTimeout`).
  /// Whoever is between messages should `close` now. Called once, right after `opened` when the stop came before. Does
  /// nothing by default.
  mutating func stopping(_ connection: borrowing ConnectionContext) throws

  /// The connection is gone. `error` says why if it did not end in the ordinary way. Does nothing by default.
  mutating func closed(_ error: SocketError?)
}

extension ConnectionHandler where Self: ~Copyable {
  /// Does nothing.
  public mutating func opened(_ connection: borrowing ConnectionContext) throws {}
  /// Closes gracefully: what is queued goes out first.
  public mutating func inputEnded(_ connection: borrowing ConnectionContext) throws { connection.close() }
  /// Does nothing.
  public mutating func outputDrained(_ connection: borrowing ConnectionContext) throws {}
  /// Does nothing.
  public mutating func stopping(_ connection: borrowing ConnectionContext) throws {}
  /// Does nothing.
  public mutating func closed(_ error: SocketError?) {}
}
