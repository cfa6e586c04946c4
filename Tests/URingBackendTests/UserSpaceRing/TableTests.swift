import CLiburing
import DequeModule
import Testing

@testable import URingBackend

struct TableTests {
  private static func operation(_ userData: UInt64) -> Operation {
    var entry = io_uring_sqe()
    entry.user_data = userData
    return unsafe Operation(&entry, .receive)
  }

  @Test func operationsAreFoundByWhatTheyCarryAndPlacesAreUsedAgain() {
    var table = OperationTable()
    // Alike in their lower and in their upper bits, and many more than there are places at first.
    let names = (0..<5000).map { UInt64($0) << 32 } + (1..<5000).map { UInt64($0) }
    let places = names.map { table.insert(Self.operation($0)) }
    #expect(Set(places).count == names.count && table.count == names.count)
    for (name, place) in zip(names, places) { #expect(table.find(name) == place) }
    for place in places.prefix(100) { table.remove(place) }
    for name in names.prefix(100) { #expect(table.find(name) == nil) }
    for name in names.dropFirst(100) { #expect(table.find(name) != nil) }
    let again = (0..<100).map { table.insert(Self.operation(UInt64($0) + 1 << 60)) }
    #expect(Set(again) == Set(places.prefix(100)))
  }

  @Test func ofTwoThatCarryTheSameEachCanBeTakenAway() {
    var table = OperationTable()
    let (first, second) = (table.insert(Self.operation(7)), table.insert(Self.operation(7)))
    #expect([first, second].contains(table.find(7)))
    table.remove(first)
    #expect(table.find(7) == second)
    table.remove(second)
    #expect(table.find(7) == nil && table.count == 0)
  }

  @Test func statesOfDescriptorsNeverMoveAndOthersHaveNone() throws {
    var table = DescriptorTable()
    let first = unsafe try #require(unsafe table.state(of: 3))
    unsafe first.pointee.generation = 77
    for descriptor in [1000, 1023, 1024, 70_000, 1_000_000] as [Int32] {
      let state = unsafe try #require(unsafe table.state(of: descriptor))
      #expect(unsafe state.pointee.generation == 0 && !state.pointee.isWaitedFor)
    }
    #expect(unsafe table.state(of: 3) == first && first.pointee.generation == 77)
    #expect(unsafe table.state(of: -1) == nil && table.state(of: .max) == nil)
  }

  @Test func theReadyAreServedInTheirOrder() {
    var queue = ReadyQueue()
    for number in 0..<3000 as Range<Int32> { queue.append(number) }
    for number in 0..<2000 as Range<Int32> { #expect(queue.popFirst() == number) }
    queue.append(7)
    #expect(queue.count == 1001 && queue.contains(7) && !queue.contains(1999))
    for number in 2000..<3000 as Range<Int32> { #expect(queue.popFirst() == number) }
    #expect(queue.popFirst() == 7 && queue.popFirst() == nil && queue.isEmpty)
  }

  @Test func queuesAreOfTheSizesThatIOUringWouldMake() {
    for (wanted, made) in [(0, 1), (1, 1), (3, 4), (64, 64), (100_000, 32_768)] as [(UInt32, UInt32)] {
      // Not by #require: it cannot take what is not copyable.
      guard let memory = QueueMemory(entries: wanted, completionEntries: wanted) else {
        Issue.record("no memory")
        continue
      }
      #expect(unsafe memory.queues.submissionEntries == made && memory.queues.ownerMark.pointee == 1)
    }
    guard let large = QueueMemory(entries: 8, completionEntries: 1_000_000) else {
      Issue.record("no memory")
      return
    }
    #expect(unsafe large.queues.completionEntries == 65_536)
  }
}
