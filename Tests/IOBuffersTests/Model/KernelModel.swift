/// A slot that the kernel fills piece by piece: its writer, the readers split off, and nothing else.
struct KernelModel: Hashable {
  enum Operation: UInt8, CaseIterable {
    case fill, fillLast, kernelRelease
    case shareNewest, absorbNewest, trimNewest
    case releaseNewest, releaseOldest
  }

  let capacity: Int
  let step: Int
  var kernelHolds = true
  var filled = 0
  var readers: [Range<Int>] = []

  init(capacity: Int, step: Int) {
    self.capacity = capacity
    self.step = step
  }

  var isHome: Bool { !kernelHolds && readers.isEmpty }

  /// Whether the newest reader continues the one before it.
  var newestContinues: Bool {
    guard let (before, newest) = lastTwo else { return false }
    return before.upperBound == newest.lowerBound
  }

  private var lastTwo: (Range<Int>, Range<Int>)? {
    readers.count < 2 ? nil : (readers[readers.count - 2], readers[readers.count - 1])
  }

  /// False when the operation has nothing to work on.
  mutating func apply(_ operation: Operation) -> Bool {
    switch operation {
    case .fill, .fillLast:
      guard kernelHolds, filled + step <= capacity else { return false }
      readers.append(filled..<filled + step)
      filled += step
      kernelHolds = operation == .fill
    case .kernelRelease:
      guard kernelHolds else { return false }
      kernelHolds = false
    case .shareNewest:
      guard let newest = readers.last else { return false }
      readers.append(newest)
    case .absorbNewest:
      guard let (before, newest) = lastTwo, newestContinues else { return false }
      readers.removeLast(2)
      readers.append(before.lowerBound..<newest.upperBound)
    case .trimNewest:
      guard let newest = readers.last, !newest.isEmpty else { return false }
      readers[readers.count - 1] = newest.lowerBound + 1..<newest.upperBound
    case .releaseNewest:
      if readers.popLast() == nil { return false }
    case .releaseOldest:
      if readers.count < 2 { return false }
      readers.removeFirst()
    }
    return true
  }
}
