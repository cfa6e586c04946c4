/// Something that will happen on the network.
struct NetworkEvent: Comparable, Sendable {
  enum Kind: UInt8, Sendable {
    /// A SYN comes to the host that a side wants to reach.
    case connectArrives
    /// A side learns that its connect has succeeded.
    case connectSucceeds
    /// A side learns that nobody listens.
    case connectRefused
    /// A side learns that there is no way.
    case connectUnreachable
    /// Bytes, or the end, come to a side.
    case arrival
    /// What has arrived at the other end is acknowledged to a side.
    case acknowledgement
    /// An RST comes to a side.
    case reset
    /// A side that was told to come back for space may.
    case space
    /// The peers wanted to be called.
    case peers
  }

  var time: UInt64
  /// Events of one instant happen in the order in which they were scheduled.
  var order: UInt64
  var side: Int
  /// The connection's; an event for one that is gone is dropped.
  var generation: UInt32
  var kind: Kind

  static func < (left: NetworkEvent, right: NetworkEvent) -> Bool {
    left.time != right.time ? left.time < right.time : left.order < right.order
  }
  static func == (left: NetworkEvent, right: NetworkEvent) -> Bool { left.order == right.order }
}
