import Synchronization

/// A number that several threads count.
final class Counter: Sendable {
  private let atomic = Atomic<Int>(0)

  var value: Int { atomic.load(ordering: .sequentiallyConsistent) }

  @discardableResult
  func add(_ amount: Int = 1) -> Int {
    atomic.add(amount, ordering: .sequentiallyConsistent).newValue
  }
}
