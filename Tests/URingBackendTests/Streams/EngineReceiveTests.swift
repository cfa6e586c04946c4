import CLiburing
import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

/// The receiving side of the engine, over a kernel that the test plays.
struct EngineReceiveTests {
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
    #expect(bench.loop.memory.slotsOut == 0)
  }

  @Test func aStarvedConnectionThatClosesLeavesItsPlace() throws {
    let bench = try ScriptedEngine()
    let index = try bench.open()
    _ = try bench.turn()
    bench.fail(.receive, of: index, .noBufferSpace)
    _ = bench.loop.ring.nextCompletion().map { bench.engine.complete($0, OperationID(rawValue: $0.userData)) }
    #expect(bench.engine.line.count == 1)
    bench.engine.abort(index, .closed)
    #expect(try bench.turn().kinds == [.close])
    bench.complete(.close, of: index, 0)
    _ = try bench.turn()
    #expect(bench.engine.openConnections == 0 && bench.engine.line.isEmpty)
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
    let before = bench.loop.memory.slotsOut
    bench.driver.deliver([1, 2, 3], group: bench.engine.buffers.group, userData: stale, more: false)
    bench.driver.complete(OperationID(.send, index: 0, generation: 0).rawValue, result: 3)
    bench.driver.complete(OperationID(.close, index: 0, generation: 0).rawValue, result: 0)
    bench.driver.complete(OperationID(.cancelReceive, index: 0, generation: 0).rawValue, result: -2)
    _ = try bench.turn()
    _ = try bench.turn()
    #expect(bench.sink.take() == [] && bench.engine.openConnections == 1)
    #expect(bench.loop.memory.slotsOut == before && bench.loop.counters.bytesReceived.current == 0)
    // The new life receives as ever.
    bench.deliver([9], to: index)
    _ = try bench.turn()
    #expect(bench.sink.take() == [.received(index, [9])])
    try bench.finish()
    #expect(bench.loop.memory.slotsOut == 0)
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
    // Told at the end of the turn; a reset is no end of stream.
    #expect(bench.sink.take() == [.opened(index)])
    #expect(bench.engine.records[index].error(or: .closed, .receive).errno == .connectionReset)
    _ = try bench.turn()
    #expect(bench.engine.buffers.postedSlots == posted)
    #expect(bench.sink.take() == [.ended(index)])
    try bench.finish()
    #expect(bench.loop.memory.slotsOut == 0)
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
    #expect(try bench.turn().kinds == [.watch])
    bench.engine.pauseInput(index, false)
    #expect(try bench.turn().kinds == [.receive])
    // The watch stays until it has something to say.
    bench.engine.pauseInput(index, true)
    #expect(try bench.turn().kinds == [.cancelReceive])
    bench.complete(.cancelReceive, of: index, 0)
    bench.fail(.receive, of: index, .canceled)
    _ = try bench.turn()
    #expect(try bench.turn().isEmpty)
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
    #expect(bench.sink.take() == [.opened(index), .ended(index)] && bench.loop.counters.bytesReceived.current == 3)
    bench.complete(.receive, of: index, 0)
    _ = try bench.turn()
    #expect(try bench.turn().kinds == [.close])
    bench.complete(.close, of: index, 0)
    _ = try bench.turn()
    #expect(bench.sink.take() == [.closed(index)])
    try bench.finish()
    #expect(bench.loop.memory.slotsOut == 0)
  }
}
