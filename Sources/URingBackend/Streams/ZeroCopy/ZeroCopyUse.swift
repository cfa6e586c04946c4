/// What one connection has to do with zero-copy sends.
struct ZeroCopyUse: Equatable {
  static let none: UInt32 = .max
  /// After so many reports in a row that the kernel copied, the connection has no more zero-copy sends. A single one
  /// says little: capturing packets for a moment brings it about.
  static let patience: UInt8 = 3

  /// The `ZeroCopySend` whose result has not come; `none` while no send or a plain one is in flight.
  var inFlight = ZeroCopyUse.none
  /// What this connection's zero-copy sends pin, in bytes, until their notifications.
  var pinned: UInt32 = 0
  /// Reports in a row of a copy.
  private var copies: UInt8 = 0

  /// Whether the connection still has zero-copy sends. Once it has not, it never has again.
  var isAllowed: Bool { copies < ZeroCopyUse.patience }

  /// The kernel reported on one send.
  mutating func report(copied: Bool) {
    guard isAllowed else { return }
    copies = copied ? copies + 1 : 0
  }

  /// The kernel refused one.
  mutating func switchOff() {
    copies = ZeroCopyUse.patience
  }
}
