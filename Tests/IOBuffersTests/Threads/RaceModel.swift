/// The sequential meaning of the operations that two threads perform on one buffer: what a linearizable implementation
/// may answer is what some interleaving of this model answers.
struct RaceModel: Hashable {
  enum Operation: UInt8, CaseIterable {
    /// On the owner.
    case read, write, resize, drop
    /// On the thread's own newest view.
    case share, split, freeze, release
  }

  /// One digit of a transcript.
  enum Outcome: Int {
    case nothing = 0
    case done = 1
    case locked = 2
  }

  var hasOwner = true
  var views: [[LockModel.Mode]]

  init(first: [LockModel.Mode] = [], second: [LockModel.Mode] = []) {
    views = [first, second]
  }

  private func hasWriter(_ thread: Int) -> Bool { views[thread].contains(.writer) }

  mutating func apply(_ operation: Operation, by thread: Int) -> Outcome {
    let isWritten = hasWriter(0) || hasWriter(1)
    let isLocked = !views[0].isEmpty || !views[1].isEmpty
    switch operation {
    case .read:
      guard hasOwner else { return .nothing }
      if isWritten { return .locked }
      views[thread].append(.reader)
    case .write:
      guard hasOwner else { return .nothing }
      if isLocked { return .locked }
      views[thread].append(.writer)
    case .resize:
      guard hasOwner else { return .nothing }
      if isLocked { return .locked }
    case .drop:
      guard hasOwner else { return .nothing }
      hasOwner = false
    case .share:
      guard views[thread].last == .reader else { return .nothing }
      views[thread].append(.reader)
    case .split:
      guard let mode = views[thread].last else { return .nothing }
      views[thread].append(mode)
    case .freeze:
      guard views[thread].last == .writer else { return .nothing }
      views[thread][views[thread].count - 1] = .reader
    case .release:
      if views[thread].popLast() == nil { return .nothing }
    }
    return .done
  }

  /// The transcript of one thread after the other.
  func transcript(_ first: [Operation], _ second: [Operation], secondGoesFirst: Bool) -> Int {
    var state = self
    var digits = [0, 0]
    for thread in secondGoesFirst ? [1, 0] : [0, 1] {
      for operation in thread == 0 ? first : second {
        digits[thread] = digits[thread] * 3 + state.apply(operation, by: thread).rawValue
      }
    }
    return Self.transcript(digits[0], digits[1])
  }

  /// Every transcript that an interleaving of the two sequences can write: the first thread's digits, then the second's.
  func transcripts(_ first: [Operation], _ second: [Operation]) -> Set<Int> {
    var found: Set<Int> = []
    interleave(first[...], second[...], 0, 0, &found)
    return found
  }

  private func interleave(
    _ first: ArraySlice<Operation>,
    _ second: ArraySlice<Operation>,
    _ firstDigits: Int,
    _ secondDigits: Int,
    _ found: inout Set<Int>
  ) {
    if first.isEmpty, second.isEmpty {
      found.insert(Self.transcript(firstDigits, secondDigits))
    }
    if let operation = first.first {
      var next = self
      let outcome = next.apply(operation, by: 0)
      next.interleave(first.dropFirst(), second, firstDigits * 3 + outcome.rawValue, secondDigits, &found)
    }
    if let operation = second.first {
      var next = self
      let outcome = next.apply(operation, by: 1)
      next.interleave(first, second.dropFirst(), firstDigits, secondDigits * 3 + outcome.rawValue, &found)
    }
  }

  /// The digits of a transcript again, the first thread's before the second's.
  static func digits(_ transcript: Int, _ first: Int, _ second: Int) -> [Int] {
    func digits(_ number: Int, _ count: Int) -> [Int] {
      var rest = number
      var digits: [Int] = []
      for _ in 0..<count {
        digits.append(rest % 3)
        rest /= 3
      }
      return digits.reversed()
    }
    return digits(transcript >> 16, first) + digits(transcript & 0xFFFF, second)
  }

  static func transcript(_ first: Int, _ second: Int) -> Int { first << 16 | second }
}
