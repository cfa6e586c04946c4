/// Explicit congestion notification: the two bits of a datagram's IP header that say whether its sender reacts to congestion,
/// and whether a router has met some. RFC 3168, section 5.
public enum ECNCodepoint: UInt8, Sendable, Hashable, CaseIterable {
  /// The sender does not take part.
  case notCapable = 0
  /// ECT(1).
  case capable1 = 1
  /// ECT(0): what a sender that takes part marks its datagrams with.
  case capable0 = 2
  /// CE: a router has met congestion instead of dropping the datagram.
  case congestionExperienced = 3
}
