/// How many errors of each kind there were.
struct ErrorCounts: Equatable {
  private var counts: [ErrorKind: Int] = [:]

  /// All of them.
  private(set) var total = 0

  /// The kinds that occurred, in a fixed order.
  var byKind: [(kind: ErrorKind, count: Int)] {
    ErrorKind.allCases.compactMap { kind in counts[kind].map { (kind, $0) } }
  }

  mutating func count(_ kind: ErrorKind) {
    counts[kind, default: 0] += 1
    total += 1
  }

  static func += (left: inout ErrorCounts, right: ErrorCounts) {
    left.counts.merge(right.counts, uniquingKeysWith: +)
    left.total += right.total
  }
}
