import Testing

@testable import URingBackend

/// Deadlines, earliest first.
struct TimerQueueTests {
  private func expired(_ queue: inout TimerQueue<Int>, at now: UInt64) -> [Int] {
    var targets: [Int] = []
    while let target = queue.popExpired(at: now) { targets.append(target) }
    return targets
  }

  @Test func timersFireInTheOrderOfTheirDeadlines() {
    var queue = TimerQueue<Int>()
    for deadline in [50, 10, 40, 20, 30] { _ = queue.arm(UInt64(deadline), deadline) }
    #expect(queue.nextDeadline() == 10 && queue.armed == 5)
    #expect(queue.popExpired(at: 9) == nil)
    #expect(expired(&queue, at: 30) == [10, 20, 30])
    #expect(queue.nextDeadline() == 40)
    #expect(expired(&queue, at: .max) == [40, 50])
    #expect(queue.nextDeadline() == nil && queue.armed == 0 && queue.entries == 0)
  }

  @Test func timersOfOneInstantFireInTheOrderInWhichTheyWereArmed() {
    var queue = TimerQueue<Int>()
    for number in 0..<100 { _ = queue.arm(7, number) }
    #expect(expired(&queue, at: 7) == Array(0..<100))
  }

  @Test func aCancelledTimerGivesItsTargetBackOnceAndDoesNotFire() {
    var queue = TimerQueue<Int>()
    let first = queue.arm(10, 1)
    _ = queue.arm(20, 2)
    #expect(queue.cancel(first) == 1 && queue.cancel(first) == nil)
    #expect(queue.nextDeadline() == 20 && queue.armed == 1)
    #expect(expired(&queue, at: .max) == [2])
  }

  @Test func aHandleOfATimerThatFiredFindsNothingAlsoWhenItsPlaceIsUsedAgain() {
    var queue = TimerQueue<Int>()
    let old = queue.arm(10, 1)
    #expect(expired(&queue, at: 10) == [1])
    let new = queue.arm(20, 2)
    #expect(new.index == old.index && new != old)
    #expect(queue.cancel(old) == nil && queue.armed == 1)
    #expect(queue.cancel(new) == 2)
  }

  /// An idle timeout that is always cancelled must not pile up for as long as it is.
  @Test func timersThatAreAlwaysCancelledTakeNoMemoryInTheEnd() {
    var queue = TimerQueue<Int>()
    let kept = (0..<100).map { queue.arm(UInt64(1_000_000 + $0), $0) }
    for number in 0..<10_000 {
      let handle = queue.arm(UInt64(2_000_000 + number), number)
      #expect(queue.cancel(handle) == number)
      #expect(queue.entries <= 2 * (queue.armed + 64) + 1)
    }
    #expect(queue.armed == 100)
    for handle in kept.reversed() { #expect(queue.cancel(handle) != nil) }
    #expect(queue.armed == 0 && queue.nextDeadline() == nil && queue.entries == 0)
  }

  @Test func removingAllGivesEveryTargetBackAndForgetsTheHandles() {
    var queue = TimerQueue<Int>()
    let handles = (0..<10).map { queue.arm(UInt64(10 - $0), $0) }
    _ = queue.cancel(handles[3])
    #expect(queue.removeAll().sorted() == [0, 1, 2, 4, 5, 6, 7, 8, 9])
    #expect(queue.armed == 0 && queue.removeAll().isEmpty)
    for handle in handles { #expect(queue.cancel(handle) == nil) }
  }

  /// Random operations, beside a sorted array that does the same slowly.
  @Test(arguments: 0..<10 as Range<UInt64>)
  func itDoesWhatASortedArrayDoes(seed: UInt64) {
    var noise = Noise(seed: seed)
    var queue = TimerQueue<Int>()
    var model: [(deadline: UInt64, number: Int, handle: TimerQueue<Int>.Handle)] = []
    for number in 0..<2000 {
      switch noise.next() % 4 {
      case 0, 1:
        let deadline = noise.next() % 1000
        let place = model.firstIndex { $0.deadline > deadline } ?? model.count
        model.insert((deadline, number, queue.arm(deadline, number)), at: place)
      case 2 where !model.isEmpty:
        let place = Int(noise.next() % UInt64(model.count))
        #expect(queue.cancel(model[place].handle) == model[place].number)
        model.remove(at: place)
      default:
        let now = noise.next() % 1000
        let due = model.prefix { $0.deadline <= now }.map(\.number)
        #expect(expired(&queue, at: now) == due)
        model.removeFirst(due.count)
      }
      #expect(queue.armed == model.count && queue.nextDeadline() == model.first?.deadline)
    }
  }
}
