import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A connection is not given up as idle for what the loop did not do.
struct EngineIdleTests {
  private func bench(_ pair: SocketPair) throws -> (ScriptedEngine, Int) {
    let bench = try ScriptedEngine()
    var limits = ConnectionLimits()
    limits.idleTimeout = .seconds(10)
    let index = try bench.open(limits, descriptor: dup(pair.ours.rawValue))
    _ = try bench.turn()
    bench.engine.armTimer(index, .idle)
    return (bench, index)
  }

  /// The idle timer's time has come, and so many seconds more.
  private func fire(_ bench: ScriptedEngine, _ index: Int, after seconds: UInt64, isHeldUp: Bool) {
    bench.loop.now += seconds * 1_000_000_000
    bench.loop.isHeldUp = isHeldUp
    bench.engine.connectionTimerFired(bench.engine.records[index].id)
    bench.loop.isHeldUp = false
  }

  private func isGivenUp(_ bench: ScriptedEngine, _ index: Int) -> Bool {
    bench.engine.records[index].machine.flags.contains(.aborting)
  }

  /// A task that slept, a connection in line, and a completion that came with this very turn all move in the next one.
  @Test func afterTheLoopHasStoodStillThereIsAMomentForWhatWaited() throws {
    let (bench, index) = try bench(SocketPair())
    fire(bench, index, after: 30, isHeldUp: true)
    #expect(!isGivenUp(bench, index) && bench.engine.records[index].timerPurpose == .reprieve)
    bench.engine.records[index].lastActivity = bench.loop.now
    fire(bench, index, after: 1, isHeldUp: false)
    #expect(!isGivenUp(bench, index) && bench.engine.records[index].timerPurpose == .idle)
    // And again, because something has moved since the last time.
    fire(bench, index, after: 30, isHeldUp: true)
    #expect(!isGivenUp(bench, index) && bench.engine.records[index].timerPurpose == .reprieve)
    try bench.finish()
  }

  @Test func aLoopThatIsAlwaysLateGivesUpNevertheless() throws {
    let (bench, index) = try bench(SocketPair())
    fire(bench, index, after: 30, isHeldUp: true)
    fire(bench, index, after: 2, isHeldUp: true)
    #expect(isGivenUp(bench, index) && bench.engine.records[index].failure == .idle)
    try bench.finish()
  }

  /// Many peers' bytes came at once, and there were no slots for all of them.
  @Test func bytesThatWaitForASlotKeepTheirConnectionOnce() throws {
    let pair = try SocketPair()
    let (bench, index) = try bench(pair)
    try pair.send([1])
    bench.fail(.receive, of: index, .noBufferSpace)
    _ = bench.loop.ring.nextCompletion().map { bench.engine.complete($0, OperationID(rawValue: $0.userData)) }
    #expect(bench.engine.records[index].machine.flags.contains(.starved))
    fire(bench, index, after: 11, isHeldUp: false)
    #expect(!isGivenUp(bench, index) && bench.engine.records[index].timerPurpose == .reprieve)
    fire(bench, index, after: 1, isHeldUp: false)
    #expect(isGivenUp(bench, index))
    try bench.finish()
  }

  /// Closed by both sides, and the loop stood still before it came to close the descriptor.
  @Test(arguments: [true, false])
  func whoHasEverythingIsNotResetBecauseTheCloseIsLate(isSent: Bool) throws {
    let (bench, index) = try bench(SocketPair())
    _ = try bench.send([1, 2, 3], on: index)
    _ = try bench.turn()
    bench.engine.close(index)
    #expect(bench.engine.records[index].timerPurpose == .flush)
    if isSent {
      bench.complete(.send, of: index, 3)
      _ = bench.loop.ring.nextCompletion().map { bench.engine.complete($0, OperationID(rawValue: $0.userData)) }
    }
    // Twice, because the first time nobody knows yet what the peer had acknowledged before.
    for _ in 0..<2 { fire(bench, index, after: 31, isHeldUp: false) }
    #expect(isGivenUp(bench, index) == !isSent)
    if !isSent { bench.fail(.send, of: index, .canceled) }
    try bench.finish()
  }

  @Test func whoIsIdleIsGivenUpInTime() throws {
    let (bench, index) = try bench(SocketPair())
    fire(bench, index, after: 11, isHeldUp: false)
    #expect(isGivenUp(bench, index) && bench.engine.records[index].failure == .idle)
    try bench.finish()
  }
}
