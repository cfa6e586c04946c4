import URingBackend

/// What one loop is to do: its share of the command line. Plain values.
struct LoadPlan {
  /// When messages begin.
  enum Pace: Equatable {
    /// The next one when one has come back.
    case closedLoop
    /// By the clock: this many a second.
    case openLoop(rate: Double)
    /// One message on one connection at a time, over as many connections as there are messages.
    case probe
  }

  var mode: Mode
  var pace: Pace
  /// Where connections go: the first one to the first address, the second to the second, and round again.
  var addresses: [SocketAddress]
  /// Connections of this loop.
  var connections: Int
  /// The number of this loop's first connection among all.
  var firstConnection: Int
  /// Bytes of a message.
  var size: Int
  /// Messages in flight on each connection.
  var depth: Int
  var verify: Bool
  /// Seconds.
  var patience: Double

  /// Where a connection of this loop goes.
  func address(_ lane: Int) -> SocketAddress { addresses[(firstConnection + lane) % addresses.count] }
}
