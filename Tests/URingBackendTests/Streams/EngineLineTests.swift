import CLiburing
import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The line for receive slots, and what happens while they are scarce, over a kernel that the test plays.
struct EngineLineTests {
  /// A pool of 24 slots of 1 KiB, of which a message that fills one cannot be moved out.
  private func tiny(without disabled: [KernelFeature] = [.incrementalBuffers]) throws -> ScriptedEngine {
    let bench = try ScriptedEngine(poolBytes: 64 << 10, slotBytes: 1024, without: disabled)
    bench.sink.keepsViews = true
    return bench
  }

  private let whole = [UInt8](repeating: 7, count: 1024)

  /// Lets the kernel receive for a connection, whichever receive it holds.
  private func receive(_ bytes: [UInt8], _ bench: ScriptedEngine, _ index: Int) throws {
    bench.deliver(bytes, to: index)
    try bench.turn()
  }

  /// Lets connections keep a slot each until there is none. Those that got nothing, in the order in which they ran dry.
  private func exhaust(_ bench: ScriptedEngine, _ connections: [Int]) throws -> [Int] {
    try bench.turn()
    var dry: [Int] = []
    for index in connections {
      try bench.turn()
      guard bench.engine.records[index].machine.flags.contains(.receiveArmed) else { continue }
      if bench.slots.slotsOut - bench.engine.buffers.postedSlots - bench.engine.lineBuffers.postedSlots
        < bench.engine.memory.plan.slots - 1
      {
        try receive(whole, bench, index)
      }
    }
    for index in connections where !bench.sink.events.contains(.received(index, whole)) { dry.append(index) }
    return dry
  }

  @Test func aReceiveThatFindsNoSlotComesToTheLineAndIsServedFromItsOwnRing() throws {
    let bench = try tiny()
    let connections = try (0..<3).map { _ in try bench.open() }
    #expect(try bench.turn().records(.receive) == connections)
    // Not the order of their indices.
    for index in connections.reversed() { bench.fail(.receive, of: index, .noBufferSpace) }
    try bench.turn()
    let submissions = try bench.turn() + bench.turn()
    #expect(submissions.records(.receivePortion) == connections.reversed())
    #expect(submissions.allSatisfy { $0.bufferGroup == bench.engine.lineBuffers.group && $0.length == 1024 })
    // The line is over: the next receive of each stands again.
    try receive([1], bench, 1)
    #expect(try bench.turn().records(.receive) == [1])
    #expect(bench.sink.take().contains(.received(1, [1])))
    try bench.finish()
    #expect(bench.loop.memory.slotsOut == 0)
  }

  /// Four push bulk, and one sends a few bytes: it waits for one portion of each, not for all that they have.
  @Test(arguments: [[], [KernelFeature.incrementalBuffers], [.receiveLimit], [.multishotReceive]])
  func aSmallMessageWaitsForOnePortionOfEachBusyConnection(without: [KernelFeature]) throws {
    let bench = try ScriptedEngine(poolBytes: 64 << 10, without: without)
    let busy = try (0..<4).map { _ in try bench.open() }
    let small = try bench.open()
    try bench.turn()
    // All of them find the open ring empty, the small one last.
    for index in busy + [small] { bench.fail(.receive, of: index, .noBufferSpace) }
    try bench.turn()
    var portions: [Int] = []
    for _ in 0..<20 where !portions.contains(small) {
      for submission in try bench.turn() where OperationID(rawValue: submission.userData).kind == .receivePortion {
        let index = Int(OperationID(rawValue: submission.userData).index)
        portions.append(index)
        #expect(submission.length <= UInt32(bench.engine.memory.plan.largestPortion) && submission.length > 0)
        bench.deliver([UInt8](repeating: 1, count: Int(submission.length)), to: index)
      }
    }
    #expect(portions.starts(with: busy + [small]), "\(portions)")
    try bench.finish()
    #expect(bench.loop.memory.slotsOut == 0)
  }

  @Test func underPressureSmallBytesAreMovedOutOfTheirSlotAndCharged() throws {
    let bench = try tiny()
    let keepers = try (0..<20).map { _ in try bench.open() }
    _ = try exhaust(bench, keepers)
    #expect(bench.engine.pressure.isOn)
    let copied = bench.loop.counters.bytesCopiedOut.current
    let index = try bench.open()
    for _ in 0..<4 { try bench.turn() }
    let held = bench.slots.slotsOut
    try receive([1, 2, 3], bench, index)
    try bench.turn()
    #expect(bench.sink.take().last == .received(index, [1, 2, 3]))
    #expect(bench.loop.counters.bytesCopiedOut.current == copied + 3)
    #expect(bench.slots.slotsOut <= held, "the slot is free again although the view is kept")
    #expect(bench.engine.memory.copies.accountState(bench.engine.records[index].account).charged == 64)
    bench.sink.releaseAll()
    for _ in 0..<4 { try bench.turn() }
    #expect(!bench.engine.pressure.isOn)
    try bench.finish()
    #expect(bench.loop.memory.slotsOut == 0)
  }

  /// Whoever holds its share waits, and goes on when it holds less.
  @Test func aConnectionThatHoldsItsShareIsBlockedUntilItHoldsLess() throws {
    let bench = try tiny()
    let keepers = try (0..<20).map { _ in try bench.open() }
    _ = try exhaust(bench, keepers)
    bench.sink.keepsViews = false
    let index = try bench.open()
    var received = 0
    for _ in 0..<200 where !bench.engine.records[index].machine.flags.contains(.blocked) {
      try bench.turn()
      guard bench.engine.records[index].machine.flags.contains(.receiveArmed) else { continue }
      // Its user sends on what it got, and the peer takes nothing.
      bench.sink.forwards = true
      bench.deliver([UInt8](repeating: 9, count: 200), to: index)
      received += 200
    }
    #expect(bench.engine.records[index].machine.flags.contains(.blocked))
    let charged = bench.engine.memory.copies.accountState(bench.engine.records[index].account).charged
    #expect(charged > 0 && charged <= bench.engine.memory.plan.copyBytes / 8 + 1024)
    // The peer takes it all.
    bench.complete(.send, of: index, Int32(bench.engine.records[index].machine.unsent))
    for _ in 0..<4 { try bench.turn() }
    let flags = bench.engine.records[index].machine.flags
    #expect(flags.contains(.receiveArmed) || bench.engine.records[index].machine.unsent > 0)
    #expect(!flags.contains(.blocked))
    try bench.finish()
    #expect(bench.loop.memory.slotsOut == 0)
  }

  /// A slot that one byte of a stuck queue pins is given back: the send is taken back from the kernel first.
  @Test func whatPinsASlotInVainIsMovedWhenSlotsAreScarce() throws {
    let bench = try tiny()
    bench.sink.keepsViews = false
    bench.sink.forwards = true
    let stuck = try (0..<18).map { _ in try bench.open() }
    var cancelled: Set<Int> = []
    func turn() throws {
      for submission in try bench.turn() {
        let operation = OperationID(rawValue: submission.userData)
        guard operation.kind == .cancelSend else { continue }
        cancelled.insert(Int(operation.index))
        bench.driver.complete(submission.userData, result: 0)
        bench.driver.complete(submission.address, result: -Errno.canceled.rawValue)
      }
    }
    try turn()
    for index in stuck {
      var delivered = 0
      while delivered == 0 {
        while !bench.engine.records[index].machine.flags.contains(.receiveArmed) { try turn() }
        delivered = bench.deliver([UInt8(index)], to: index)
        try turn()
      }
    }
    for _ in 0..<10 { try turn() }
    #expect(!cancelled.isEmpty, "nothing was taken back from the kernel")
    #expect(bench.loop.counters.bytesCopiedOut.current >= UInt64(cancelled.count))
    let posted = bench.engine.buffers.postedSlots + bench.engine.lineBuffers.postedSlots
    #expect(bench.slots.slotsOut - posted <= bench.engine.memory.plan.slots / 2)
    // Every byte is still there, and goes out.
    for index in stuck { #expect(bench.engine.records[index].machine.unsent == 1) }
    try bench.finish()
    #expect(bench.loop.memory.slotsOut == 0)
  }

  /// A connection waits because others hold the memory, and holds none itself: it is not closed for that. Whoever holds most is.
  @Test func whoWaitsWithNothingIsNotClosedForWhatOthersHold() throws {
    let bench = try tiny()
    _ = try exhaust(bench, try (0..<20).map { _ in try bench.open() })
    try #require(bench.engine.pressure.isOn)
    let copies = bench.engine.memory.copies
    let holder = try bench.open()
    bench.engine.records[holder].account = copies.openAccount()
    let source = try bench.arena.message(whole).detach()
    var held: [DetachedView] = []
    while copies.accountState(0).total <= bench.engine.memory.plan.copyBytes / 8 * 7 {
      held.append(try #require(copies.copy(source, chargedTo: bench.engine.records[holder].account)))
    }
    source.releaseReader()
    // There is more for it than it took the last time, so that none of what is kept back is for it.
    var limits = ConnectionLimits()
    limits.holdTimeout = .milliseconds(100)
    let index = try bench.open(limits)
    bench.engine.records[index].pushes = true
    try bench.turn()
    bench.fail(.receive, of: index, .noBufferSpace)
    var now = bench.loop.now
    for _ in 0..<100 where bench.loop.counters.connectionsEvicted.current == 0 {
      try bench.turn()
      now &+= StreamEngine.tickInterval
      bench.loop.now = now
      bench.engine.tick()
    }
    #expect(bench.engine.records[index].machine.flags.contains(.blocked))
    #expect(bench.engine.records[holder].machine.flags.contains(.aborting))
    // What it held is there for those that waited.
    for view in held { view.releaseReader() }
    bench.engine.tick()
    for _ in 0..<3 { try bench.turn() }
    #expect(bench.engine.records[index].machine.flags.contains(.receiveArmed))
    try bench.finish()
    #expect(bench.loop.memory.slotsOut == 0)
  }

  /// There is no slot, and nobody will give one back: the ends of those who wait are noticed all the same.
  @Test func theEndOfAConnectionThatWaitsIsNoticedWithoutASlot() throws {
    let bench = try tiny()
    let pair = try SocketPair()
    let keepers = try (0..<200).map { _ in try bench.open() }
    _ = try exhaust(bench, keepers)
    // The copies are used up too, by now, and so are the slots.
    for _ in 0..<400 where !bench.engine.lineBuffers.isEmpty {
      guard let next = keepers.first(where: { bench.engine.records[$0].machine.flags.contains(.receiveArmed) }) else {
        break
      }
      try receive(whole, bench, next)
    }
    try #require(bench.engine.lineBuffers.isEmpty)
    let index = try bench.open(descriptor: dup(pair.ours.rawValue))
    try bench.turn()
    #expect(bench.engine.records[index].machine.flags.contains(.starved))
    bench.engine.tick()
    #expect(try bench.turn().kinds.contains(.watch))
    try pair.shutDownPeer()
    bench.complete(.watch, of: index, Int32(SLUICE_POLLRDHUP))
    try bench.turn()
    #expect(bench.sink.take().last == .inputEnded(index))
    try bench.finish()
    #expect(bench.loop.memory.slotsOut == 0)
  }
}
