import URingBackend

/// One place for a connection, and what is known of it. Plain values.
struct Lane {
  /// The messages of this connection.
  var stream: MessageStream
  /// Where in the pattern the stream begins: another place for each connection, so that no byte of another one fits.
  var shift: UInt64
  /// The open connection; nil when there is none.
  var connection: ConnectionID?
  /// This side has closed, so the end is no surprise.
  var expectsEnd = false
  /// Its error has been counted.
  var isBroken = false
  /// Open loop: the number of its next message in the schedule …
  var next: UInt64 = 0
  /// … and how many of its messages wait although their time has come.
  var held: UInt64 = 0
}
