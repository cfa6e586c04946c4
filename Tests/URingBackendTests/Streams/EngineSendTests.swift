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

/// The sending side of the engine, its ends, and its accepts, over a kernel that the test plays.
struct EngineSendTests {
  @Test func aShortSendResumesInPlace() throws {
    let bench = try ScriptedEngine()
    let index = try bench.open()
    _ = try bench.turn()
    let bytes = Pattern().bytes(count: 100)
    #expect(try bench.send(bytes, on: index) == .queued)
    let first = try bench.turn()
    #expect(first.kinds == [.send] && first.first?.sentBytes == bytes)
    bench.complete(.send, of: index, 30)
    _ = try bench.turn()
    let second = try bench.turn()
    #expect(second.kinds == [.send] && second.first?.sentBytes == Array(bytes[30...]))
    // In place: the same memory, 30 bytes on.
    #expect(second.first?.address == first.first.map { $0.address + 30 })
    bench.complete(.send, of: index, 70)
    _ = try bench.turn()
    #expect(try bench.turn().isEmpty && bench.loop.counters.bytesSent.current == 100)
    try bench.finish()
    #expect(bench.loop.memory.slotsOut == 0)
  }

  @Test func whatQueuesBehindASendGoesOutAsOneVectorInOrder() throws {
    let bench = try ScriptedEngine()
    let index = try bench.open()
    _ = try bench.turn()
    let pattern = Pattern(seed: 1)
    var offset = 0
    func queue(_ count: Int) throws {
      _ = try bench.send(pattern.bytes(at: offset, count: count), on: index)
      offset += count
    }
    try queue(10)
    #expect(try bench.turn().first?.sentBytes == pattern.bytes(count: 10))
    for count in [20, 300, 1, 4000] { try queue(count) }
    // One send in flight at a time.
    #expect(try bench.turn().isEmpty)
    bench.complete(.send, of: index, 10)
    _ = try bench.turn()
    _ = bench.engine.prepare()
    // Read while the scratch is still what it was at the submission.
    var vector: [UInt8] = []
    bench.driver.onEnter = { driver in vector = driver.submissions.first?.sentBytes ?? [] }
    let submissions = try bench.turn()
    #expect(submissions.first?.opcode == SLUICE_OP_SENDMSG && vector == pattern.bytes(at: 10, count: 4321))
    // Short in the middle of the third view.
    bench.complete(.send, of: index, 320 + 1 + 1000)
    _ = try bench.turn()
    #expect(try bench.turn().first?.sentBytes == pattern.bytes(at: 10 + 1321, count: 3000))
    bench.driver.onEnter = nil
    try bench.finish()
    #expect(bench.loop.memory.slotsOut == 0)
  }

  @Test func aFailedSendEndsTheOutputAndGivesEveryViewBack() throws {
    let bench = try ScriptedEngine()
    let index = try bench.open()
    for _ in 0..<5 { _ = try bench.send([1, 2, 3], on: index) }
    _ = try bench.turn()
    bench.fail(.send, of: index, .brokenPipe)
    _ = try bench.turn()
    _ = try bench.turn()
    #expect(bench.sink.take().contains(.ended(index)))
    #expect(bench.engine.sendNodes.inUse == 0 && bench.engine.records[index].machine.unsent == 0)
    #expect(try bench.send([1], on: index) == .refused)
    #expect(bench.engine.records[index].error(or: .closed, .send).errno == .brokenPipe)
    try bench.finish()
    #expect(bench.loop.memory.slotsOut == 0)
  }

  @Test func highAndLowWaterAreReported() throws {
    let bench = try ScriptedEngine()
    var limits = ConnectionLimits()
    limits.highWaterBytes = 100
    limits.lowWaterBytes = 10
    let index = try bench.open(limits)
    #expect(try bench.send(Array(repeating: 1, count: 100), on: index) == .queued)
    #expect(try bench.send([1], on: index) == .aboveHighWater)
    _ = try bench.turn()
    bench.complete(.send, of: index, 90)
    _ = try bench.turn()
    #expect(!bench.sink.take().contains(.outputDrained(index)))
    _ = try bench.turn()
    bench.complete(.send, of: index, 1)
    _ = try bench.turn()
    #expect(bench.sink.take() == [.outputDrained(index)])
    try bench.finish()
  }

  @Test func anAbortWaitsForTheKernelBeforeAViewIsReleased() throws {
    let bench = try ScriptedEngine()
    let index = try bench.open()
    _ = try bench.send([1, 2, 3], on: index)
    _ = try bench.turn()
    let held = bench.loop.memory.slotsOut
    bench.engine.abort(index, .closed)
    #expect(Set(try bench.turn().kinds) == [.cancelSend, .cancelReceive])
    for _ in 0..<3 { #expect(try bench.turn().isEmpty) }
    #expect(bench.loop.memory.slotsOut == held)
    bench.fail(.cancelSend, of: index, Errno(rawValue: EALREADY))
    _ = try bench.turn()
    #expect(try bench.turn().kinds == [.cancelSend])
    bench.fail(.receive, of: index, .canceled)
    _ = try bench.turn()
    #expect(try bench.turn().isEmpty && bench.loop.memory.slotsOut == held)
    bench.complete(.send, of: index, 3)
    _ = try bench.turn()
    #expect(bench.loop.memory.slotsOut == held - 1)
    #expect(try bench.turn().kinds == [.close])
    bench.complete(.close, of: index, 0)
    _ = try bench.turn()
    #expect(bench.sink.take().last == .closed(index))
    try bench.finish()
    #expect(bench.loop.memory.slotsOut == 0)
  }

  /// A queue of 8 entries, and a kernel that takes few at a time: nothing is lost, doubled or out of order.
  @Test func aFullSubmissionQueueDelaysAndLosesNothing() throws {
    let bench = try ScriptedEngine(entries: 8, completionEntries: 256)
    let connections = try (0..<50).map { _ in try bench.open() }
    var submitted: [ScriptedSubmission] = []
    bench.driver.consumeLimit = 3
    for _ in 0..<100 { submitted += try bench.turn() }
    #expect(submitted.records(.receive) == connections && submitted.count == 50)
    submitted = []
    for index in connections { _ = try bench.send([UInt8(index)], on: index) }
    bench.driver.nextResult = -Errno.resourceTemporarilyUnavailable.rawValue
    for _ in 0..<100 { submitted += try bench.turn() }
    #expect(submitted.records(.send) == connections && submitted.count == 50)
    #expect(submitted.allSatisfy { $0.sentBytes == [UInt8(OperationID(rawValue: $0.userData).index)] })
    submitted = []
    for index in connections { bench.engine.abort(index, .closed) }
    for _ in 0..<100 { submitted += try bench.turn() }
    #expect(submitted.records(.cancelReceive).sorted() == connections)
    #expect(submitted.records(.cancelSend).sorted() == connections)
    bench.driver.consumeLimit = .max
    for index in connections {
      bench.fail(.send, of: index, .canceled)
      bench.fail(.receive, of: index, .canceled)
    }
    try bench.finish()
    #expect(bench.engine.openConnections == 0 && bench.loop.memory.slotsOut == 0)
  }

  // MARK: Accepting

  /// What tells the file behind a descriptor from all others; nil when it is closed.
  private func inode(_ descriptor: Int32) -> UInt64? {
    var status = stat()
    return unsafe fstat(descriptor, &status) == 0 ? UInt64(status.st_ino) : nil
  }

  /// The descriptor came although the accept was cancelled: its peer thinks that it is connected.
  @Test(arguments: [false, true])
  func aCancelledAcceptThatDeliversADescriptorDoesNotLoseIt(loopStops: Bool) throws {
    let bench = try ScriptedEngine()
    let pair = try SocketPair()
    let listening = try SocketPair()
    let stopped = Flag()
    let settings = ConnectionSettings(ConnectionLimits(), isHandled: false)
    let started = bench.engine.startListening(
      dup(listening.ours.rawValue),
      address: .loopback(port: 1),
      sink: bench.sink,
      settings: settings,
      budget: try #require(bench.sink.budget)
    )
    let key = try #require(started)
    let armed = try bench.turn()
    #expect(armed.kinds == [.accept])
    if loopStops {
      bench.engine.stop()
    } else {
      bench.engine.stopListening(try #require(bench.engine.listeners[key])) { stopped.set() }
    }
    #expect(try bench.turn().kinds == [.cancelAccept])
    let descriptor = dup(pair.ours.rawValue)
    let socket = inode(descriptor)
    bench.driver.complete(armed[0].userData, result: descriptor, flags: SLUICE_CQE_MORE)
    _ = try bench.turn()
    #expect(!bench.engine.listeners.isEmpty, "the listener must wait for the accept's last completion")
    bench.driver.complete(armed[0].userData, result: -Errno.canceled.rawValue)
    bench.driver.complete(OperationID(.cancelAccept, index: key).rawValue, result: 0)
    _ = try bench.turn()
    #expect(bench.engine.listeners.isEmpty && stopped.isSet == !loopStops)
    if loopStops {
      // Another test may have got the same number meanwhile.
      #expect(inode(descriptor) != socket && bench.engine.openConnections == 0)
    } else {
      #expect(bench.sink.take() == [.opened(0)] && bench.engine.records[0].descriptor == descriptor)
      try bench.finish()
      close(descriptor)
    }
  }

  @Test func beyondTheLimitAcceptedConnectionsWaitInOrder() throws {
    let bench = try ScriptedEngine(limit: 2)
    let pair = try SocketPair()
    let settings = ConnectionSettings(ConnectionLimits(), isHandled: false)
    _ = bench.engine.startListening(
      dup(pair.peer.rawValue),
      address: .loopback(port: 1),
      sink: bench.sink,
      settings: settings,
      budget: try #require(bench.sink.budget)
    )
    let accept = try #require(try bench.turn().first?.userData)
    let descriptors = (0..<4).map { _ in dup(pair.ours.rawValue) }
    for descriptor in descriptors { bench.driver.complete(accept, result: descriptor, flags: SLUICE_CQE_MORE) }
    _ = try bench.turn()
    #expect(bench.engine.openConnections == 2 && bench.sink.budget?.inUse == 2)
    #expect(try bench.turn().kinds == [.cancelAccept, .receive, .receive])
    bench.driver.complete(accept, result: -Errno.canceled.rawValue)
    _ = try bench.turn()
    for place in 0..<2 {
      bench.engine.abort(place, .closed)
      _ = try bench.turn()
      bench.fail(.receive, of: place, .canceled)
      _ = try bench.turn()
      _ = try bench.turn()
      bench.complete(.close, of: place, 0)
      _ = try bench.turn()
      bench.loop.drainForeignWork()
      // Nobody is served who came later; the next in line has the place at once.
      #expect(bench.engine.openConnections == 2)
      #expect(bench.engine.records[place].descriptor == descriptors[2 + place])
    }
    try bench.finish()
    // Last: the engine still asks the kernel about those that it has.
    for descriptor in descriptors { close(descriptor) }
  }
}

/// Something that happened.
final class Flag: @unchecked Sendable {
  // Why unchecked: used on one thread.
  private(set) var isSet = false
  func set() { isSet = true }
}

extension EventLoop {
  /// What the loop's own turn does first.
  func drainForeignWork() {
    var work: [ForeignWork] = []
    foreign.takeAll(into: &work)
    for piece in work { run(piece) }
  }
}
