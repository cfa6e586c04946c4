/// What really came to the accepting end of a connection: what its program is told is compared with it.
struct StreamFate: Sendable {
  /// Bytes that have arrived.
  var arrived = 0
  /// The peer's FIN has arrived.
  var hasEnded = false
  /// When a reset arrived.
  var failedAt: UInt64?
  /// When bytes last arrived.
  var lastArrival: UInt64 = 0
  /// When the peer last acknowledged bytes, while others are not acknowledged.
  var lastAcknowledgement: UInt64 = 0

  var lastMove: UInt64 { max(lastArrival, lastAcknowledgement) }
}
