/// What really came to the accepting end of a connection: what its program is told is compared with it.
struct StreamFate: Sendable {
  /// Bytes that have arrived.
  var arrived = 0
  /// The peer's FIN has arrived.
  var hasEnded = false
  /// When a reset arrived.
  var failedAt: UInt64?
  /// When bytes last arrived, or were acknowledged by the peer.
  var lastMove: UInt64 = 0
}
