internal import IOBuffers

/// What one connection has come to whose bytes go to another one. Loop thread only.
final class Relay {
  /// Where they go; nil until the other one stands.
  var partner: ConnectionID?
  /// What goes there first: what came before the other one stood, and what had come before that.
  var early: ByteQueue
  /// The attempt to make the other one.
  var attempt: UInt32?
  /// Why there is no other one.
  var error: SocketError?
  /// The input ended before the other one stood.
  var hasEnded = false

  init(early: consuming ByteQueue) {
    self.early = early
  }
}
