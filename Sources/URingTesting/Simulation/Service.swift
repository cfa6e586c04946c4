/// What the server under test does for its clients.
package enum Service: String, Sendable {
  /// Sends back what it receives, and closes when the client has ended its stream.
  case echo
  /// The same, but ends its own stream alone.
  case halfClosing
  /// Sends a greeting before it receives anything, then echoes.
  case greeting
  /// Sends a greeting, ends its stream at once, and reads the client's to the end.
  case drain
  /// Echoes with a receive that has a deadline each time.
  case timed
  /// Echoes what it receives into memory of its own, and by turns what it is given.
  case gather
  /// Echoes, and keeps each view for a while.
  case ponder
  /// Echoes, and keeps every view until the connection is closed.
  case hoard
  /// Takes the first bytes, and pauses its input for ever.
  case pause
  /// Connects to another host for each client, and passes bytes on in both directions.
  case proxy
  /// Sends what the first client writes to all the others.
  case fanOut

  /// Bytes that the server sends by itself.
  var greetingBytes: Int { self == .greeting || self == .drain ? 700 : 0 }
  /// The bytes of every greeting.
  static var words: Pattern { Pattern(stream: -1) }
}
