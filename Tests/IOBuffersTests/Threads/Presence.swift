import Synchronization

/// What one thread holds, as it noted itself: after a lock was taken, before it is given back. So whatever is noted is
/// really held, and two notes that exclude each other prove a broken rule.
///
/// All of it is relaxed on purpose: only the locks under test may order anything, for the processor and the sanitizer.
final class Presence: Sendable {
  private let readers = Atomic<Int>(0)
  private let writers = Atomic<Int>(0)

  var isWriting: Bool { writers.load(ordering: .relaxed) != 0 }
  var isReading: Bool { readers.load(ordering: .relaxed) != 0 }

  func enter(_ mode: LockModel.Mode) {
    switch mode {
    case .reader: readers.add(1, ordering: .relaxed)
    case .writer: writers.add(1, ordering: .relaxed)
    }
  }

  func leave(_ mode: LockModel.Mode) {
    switch mode {
    case .reader: readers.subtract(1, ordering: .relaxed)
    case .writer: writers.subtract(1, ordering: .relaxed)
    }
  }
}
