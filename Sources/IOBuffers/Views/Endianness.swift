/// The order of an integer's bytes.
public enum Endianness: Sendable, Equatable {
  /// Most significant byte first: the order of network protocols.
  case big
  /// Least significant byte first.
  case little
}
