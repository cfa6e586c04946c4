import CLiburing
import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

/// The receiving side of the engine, over a kernel that the test plays.
struct EngineReceiveTests {
  /// One slot in the pool that the kernel may have at a time.
  private func tiny() throws -> ScriptedEngine {
    let bench = try ScriptedEngine(poolBytes: 4096, slotBytes: 1024, without: [.incrementalBuffers])
    bench.sink.keepsViews = true
    return bench
  }

  @Test func aConnectionArmsOneReceiveWithItsCredit() throws {
    let bench = try ScriptedEngine()
    var limits = ConnectionLimits()
    limits.unreadBytes = 5000
    let index = try bench.open(limits)
    let submissions = try bench.turn()
    #expect(submissions.kinds == [.receive])
    #expect(submissions.first?.limit == 5000 && submissions.first?.bufferGroup == bench.engine.buffers.group)
    #expect(submissions.first?.descriptor == bench.engine.records[index].descriptor)
    #expect(try bench.turn().isEmpty)
    bench.deliver([1, 2, 3], to: index)
    #expect(try bench.turn().isEmpty)
    #expect(bench.sink.take() == [.opened(index), .received(index, [1, 2, 3])])
    try bench.finish()
    #expect(bench.arena.statistics.slotsOut == 0)
  }

  /// Lets connections receive until the pool has nothing left; those that got nothing.
  private func exhaust(_ bench: ScriptedEngine, _ connections: [Int]) throws -> [Int] {
    var waiting = connections[...]
    while bench.engine.buffers.postedSlots > 0, let index = waiting.popFirst() {
      bench.deliver([1], to: index)
      try bench.turn()
      try bench.turn()
    }
    try #require(waiting.count >= 3 && bench.arena.statistics.slotsFree == 0)
    return Array(waiting)
  }

  /// The kernel has no slot left: nobody sees an error, nothing spins, and receives are armed again in the order in
  /// which they ran dry, as slots return.
  @Test func starvedConnectionsAreArmedAgainInOrderWhenSlotsReturn() throws {
    let bench = try tiny()
    let connections = try (0..<10).map { _ in try bench.open() }
    #expect(try bench.turn().records(.receive) == connections)
    // Not the order of their indices.
    let waiting = Array(try exhaust(bench, connections).reversed())
    for index in waiting { bench.fail(.receive, of: index, .noBufferSpace) }
    try bench.turn()
    try bench.turn()
    #expect(bench.engine.starved.count == waiting.count && bench.loop.counters.starvedWaits.current > 0)
    #expect(!bench.engine.prepare(), "there is nothing to do but to wait")
    #expect(bench.sink.take().allSatisfy { if case .inputEnded = $0 { false } else { true } })
    // There is data for all of them: a receive that is armed takes the slot in the same enter.
    let group = bench.engine.buffers.group
    bench.driver.onEnter = { driver in
      for submission in driver.submissions where OperationID(rawValue: submission.userData).kind == .receive {
        driver.deliver([2], group: group, userData: submission.userData)
      }
    }
    for index in waiting {
      bench.sink.releaseFirst()
      let armed = try bench.turn().records(.receive)
      #expect(armed == [index] && bench.sink.take() == [.received(index, [2])])
    }
    bench.driver.onEnter = nil
    #expect(bench.engine.starved.isEmpty)
    try bench.finish()
    #expect(bench.arena.statistics.slotsOut == 0)
  }

  /// One that is fed but does not want to read any more must not take the turn of those behind it.
  @Test func aStarvedConnectionThatStoppedReadingDoesNotHoldUpTheNext() throws {
    let bench = try tiny()
    let connections = try (0..<10).map { _ in try bench.open() }
    try bench.turn()
    let waiting = try exhaust(bench, connections)
    for index in waiting { bench.fail(.receive, of: index, .noBufferSpace) }
    try bench.turn()
    try bench.turn()
    #expect(bench.engine.starved.count == waiting.count)
    // All but the last one stop reading while they wait.
    for index in waiting.dropLast() { bench.engine.pauseInput(index, true) }
    try bench.turn()
    bench.sink.releaseFirst()
    var served: [Int] = []
    // As long as the engine has more to do, the loop does not sleep.
    repeat { served += try bench.turn().records(.receive) } while bench.engine.prepare()
    served += try bench.turn().records(.receive)
    #expect(served == [waiting.last])
    try bench.finish()
    #expect(bench.arena.statistics.slotsOut == 0)
  }

  @Test func aStarvedConnectionThatClosesLeavesItsPlace() throws {
    let bench = try ScriptedEngine()
    let index = try bench.open()
    _ = try bench.turn()
    bench.fail(.receive, of: index, .noBufferSpace)
    _ = bench.loop.ring.nextCompletion().map { bench.engine.complete($0, OperationID(rawValue: $0.userData)) }
    #expect(bench.engine.starved.count == 1)
    bench.engine.abort(index, .closed)
    #expect(try bench.turn().kinds == [.close])
    bench.complete(.close, of: index, 0)
    _ = try bench.turn()
    #expect(bench.engine.openConnections == 0 && bench.engine.starved.isEmpty)
    #expect(try bench.turn().isEmpty)
    try bench.finish()
  }

  /// The record has a new life; what still comes for the old one is dropped, and its slot is not lost.
  @Test func aStaleCompletionIsDroppedAndItsSlotComesBack() throws {
    let bench = try ScriptedEngine(without: [.incrementalBuffers])
    let index = try bench.open()
    _ = try bench.turn()
    let stale = bench.operation(.receive, of: index)
    bench.engine.abort(index, .closed)
    #expect(try bench.turn().kinds == [.cancelReceive])
    bench.fail(.receive, of: index, .canceled)
    _ = try bench.turn()
    #expect(try bench.turn().kinds == [.close])
    bench.complete(.close, of: index, 0)
    _ = try bench.turn()
    #expect(try bench.open() == index)
    _ = try bench.turn()
    #expect(bench.operation(.receive, of: index) != stale)
    _ = bench.sink.take()
    let before = bench.arena.statistics.slotsOut
    bench.driver.deliver([1, 2, 3], group: bench.engine.buffers.group, userData: stale, more: false)
    bench.driver.complete(OperationID(.send, index: 0, generation: 0).rawValue, result: 3)
    bench.driver.complete(OperationID(.close, index: 0, generation: 0).rawValue, result: 0)
    bench.driver.complete(OperationID(.cancelReceive, index: 0, generation: 0).rawValue, result: -2)
    _ = try bench.turn()
    _ = try bench.turn()
    #expect(bench.sink.take() == [] && bench.engine.openConnections == 1)
    #expect(bench.arena.statistics.slotsOut == before && bench.loop.counters.bytesReceived.current == 0)
    // The new life receives as ever.
    bench.deliver([9], to: index)
    _ = try bench.turn()
    #expect(bench.sink.take() == [.received(index, [9])])
    try bench.finish()
    #expect(bench.arena.statistics.slotsOut == 0)
  }

  @Test func anErrorThatCarriesABufferGivesTheSlotBack() throws {
    let bench = try ScriptedEngine(without: [.incrementalBuffers])
    let index = try bench.open()
    _ = try bench.turn()
    let posted = bench.engine.buffers.postedSlots
    let used = bench.driver.groups[bench.engine.buffers.group]?.consumeHead()
    let flags = try #require(used)
    bench.complete(.receive, of: index, -Errno.connectionReset.rawValue, flags: flags)
    _ = try bench.turn()
    #expect(bench.engine.buffers.postedSlots == posted - 1)
    #expect(bench.sink.take() == [.opened(index), .inputEnded(index)])
    #expect(bench.engine.records[index].error(or: .closed, .receive).errno == .connectionReset)
    _ = try bench.turn()
    #expect(bench.engine.buffers.postedSlots == posted)
    try bench.finish()
    #expect(bench.arena.statistics.slotsOut == 0)
  }

  @Test func aCancelThatMissesIsAskedAgainUntilTheReceiveEnds() throws {
    let bench = try ScriptedEngine()
    let index = try bench.open()
    _ = try bench.turn()
    bench.engine.pauseInput(index, true)
    for _ in 0..<3 {
      #expect(try bench.turn().kinds == [.cancelReceive])
      bench.fail(.cancelReceive, of: index, .noSuchFileOrDirectory)
      #expect(try bench.turn().isEmpty)
    }
    #expect(try bench.turn().kinds == [.cancelReceive])
    bench.complete(.cancelReceive, of: index, 0)
    bench.fail(.receive, of: index, .canceled)
    _ = try bench.turn()
    #expect(try bench.turn().isEmpty)
    bench.engine.pauseInput(index, false)
    #expect(try bench.turn().kinds == [.receive])
    try bench.finish()
  }

  /// What arrives after the user is gone is taken and thrown away until the peer ends its side.
  @Test func bytesAfterTheCloseAreDiscarded() throws {
    let bench = try ScriptedEngine()
    let index = try bench.open()
    _ = try bench.turn()
    bench.engine.close(index)
    #expect(try bench.turn().kinds == [.shutdown])
    bench.deliver([1, 2, 3], to: index)
    bench.complete(.shutdown, of: index, 0)
    _ = try bench.turn()
    #expect(bench.sink.take() == [.opened(index)] && bench.loop.counters.bytesReceived.current == 3)
    bench.complete(.receive, of: index, 0)
    _ = try bench.turn()
    #expect(try bench.turn().kinds == [.close])
    bench.complete(.close, of: index, 0)
    _ = try bench.turn()
    #expect(bench.sink.take() == [.closed(index)])
    try bench.finish()
    #expect(bench.arena.statistics.slotsOut == 0)
  }
}
