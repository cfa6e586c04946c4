/// How full a segment is, in steps: what decides from which one the next slot comes.
///
/// Lending from full segments first lets the others become idle, and idle ones can be given back to serve another size.
/// Steps, because an exact order would have to be kept up with each loan.
enum SegmentGroup: UInt8, BitwiseCopyable {
  /// Slots are left, but fewer than a quarter, and so on.
  case fourthQuarter
  case thirdQuarter
  case secondQuarter
  case firstQuarter
  /// Nothing is lent: the last choice.
  case idle
  /// No slot is left.
  case full
  /// In no list: the segment is not lent from.
  case none

  /// How many groups have slots to lend: those that come first.
  static let lendingCount = 5

  /// Some slots are lent, and some are not.
  var isBusy: Bool { rawValue < SegmentGroup.idle.rawValue }

  /// The group of a segment with `outCount` of `slotCount` slots lent, and the bounds between which it stays there.
  static func of(_ outCount: Int, slotCount: Int) -> (group: SegmentGroup, lowest: Int, highest: Int) {
    if outCount == 0 { return (.idle, 0, 0) }
    if outCount == slotCount { return (.full, slotCount, slotCount) }
    let quarter = 4 * outCount / slotCount
    let group: SegmentGroup =
      switch quarter {
      case 0: .firstQuarter
      case 1: .secondQuarter
      case 2: .thirdQuarter
      default: .fourthQuarter
      }
    // The least and the greatest count whose quarter this is, rounded up and down.
    let lowest = (quarter * slotCount + 3) / 4
    let highest = ((quarter + 1) * slotCount + 3) / 4 - 1
    return (group, max(1, lowest), min(slotCount - 1, highest))
  }
}
