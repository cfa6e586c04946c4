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

/// Zero-copy sends over a kernel that the test plays. Slots tell who still looks at memory.
struct EngineZeroCopyTests {
  /// A connection with what the test needs to play the kernel for it.
  private struct Bench {
    let engine: ScriptedEngine
    let index: Int
    /// Slots that are out for receiving.
    let posted: Int

    init(_ threshold: Int? = 1, poolBytes: Int = 16 << 20, without: [KernelFeature] = []) throws {
      engine = try ScriptedEngine(poolBytes: poolBytes, without: without, zeroCopy: threshold)
      index = try engine.open()
      _ = try engine.turn()
      posted = engine.arena.statistics.slotsOut
    }

    /// Slots that are out for sending.
    var held: Int { engine.arena.statistics.slotsOut - posted }
    var sends: ZeroCopySends { engine.engine.zeroCopy }
    var use: ZeroCopyUse { engine.engine.records[index].zeroCopy }
    var machine: ConnectionMachine { engine.engine.records[index].machine }
    var statistics: LoopStatistics { engine.loop.statistics }

    /// The user sends, and the loop submits: what was submitted.
    func send(_ bytes: [UInt8]) throws -> ScriptedSubmission {
      #expect(try engine.send(bytes, on: index) != .refused)
      return try submission()
    }

    /// The one thing that the loop submits now.
    func submission() throws -> ScriptedSubmission {
      let submissions = try engine.turn()
      #expect(submissions.count == 1, "\(submissions.kinds)")
      return try #require(submissions.first)
    }

    func result(_ submission: ScriptedSubmission, _ result: Int, more: Bool = true) throws {
      engine.driver.complete(submission.userData, result: Int32(result), flags: more ? SLUICE_CQE_MORE : 0)
      _ = try engine.turn()
    }

    func notify(_ submission: ScriptedSubmission, copied: Bool = false) throws {
      let result = Int32(bitPattern: copied ? SLUICE_NOTIFICATION_USAGE_COPIED : 0)
      engine.driver.complete(submission.userData, result: result, flags: SLUICE_CQE_NOTIFICATION)
      _ = try engine.turn()
    }

    /// A plain send ends.
    func plainResult(_ result: Int) throws {
      engine.complete(.send, of: index, Int32(result))
      _ = try engine.turn()
    }

    func finish() throws {
      try engine.finish()
      #expect(sends.inUse == 0 && sends.pinned == 0)
      #expect(engine.engine.sendNodes.inUse == 0)
      #expect(engine.arena.statistics.slotsOut == 0)
    }
  }

  // MARK: When

  @Test func onlySendsOfEnoughBytesAreZeroCopy() throws {
    let bench = try Bench(100)
    #expect(try bench.send(Array(repeating: 1, count: 99)).opcode == SLUICE_OP_SEND)
    try bench.plainResult(99)
    let large = try bench.send(Array(repeating: 2, count: 100))
    #expect(large.opcode == SLUICE_OP_SEND_ZC && large.sentBytes == Array(repeating: 2, count: 100))
    #expect(OperationID(rawValue: large.userData).kind == .sendZeroCopy)
    #expect(large.ioPriority == SLUICE_SEND_ZC_REPORT_USAGE)
    try bench.result(large, 100)
    try bench.notify(large)
    #expect(bench.statistics.zeroCopySends == 1 && bench.statistics.bytesSent == 199)
    try bench.finish()
  }

  /// A policy that nobody set, a kernel that cannot, a threshold that no send reaches.
  @Test(arguments: [(nil, []), (1, [.zeroCopySend]), (1_048_577, [])] as [(Int?, [KernelFeature])])
  func otherwiseEverySendIsPlain(threshold: Int?, without: [KernelFeature]) throws {
    let bench = try Bench(threshold, without: without)
    #expect(!bench.sends.policy.isOn)
    for count in [1, 60_000] {
      #expect(try bench.send(Array(repeating: 1, count: count)).opcode == SLUICE_OP_SEND)
      try bench.plainResult(count)
    }
    #expect(bench.held == 0)
    try bench.finish()
  }

  @Test(arguments: [-5, 0, 1])
  func aThresholdBelowOneIsOne(threshold: Int) {
    let policy = ZeroCopyPolicy(threshold: threshold, poolBytes: 1 << 20, slotBytes: 1024)
    #expect(policy.threshold == 1 && policy.isOn)
  }

  @Test func whatQueuedGoesOutAsOneVector() throws {
    let bench = try Bench()
    let first = try bench.send([0])
    for count in [2, 300, 4000] { _ = try bench.engine.send(Pattern().bytes(count: count), on: bench.index) }
    // One send in flight at a time.
    #expect(try bench.engine.turn().isEmpty)
    // Read while the scratch is still what it was at the submission.
    var vector: [UInt8] = []
    bench.engine.driver.complete(first.userData, result: 1, flags: SLUICE_CQE_MORE)
    _ = try bench.engine.turn()
    bench.engine.driver.onEnter = { driver in vector = driver.submissions.first?.sentBytes ?? [] }
    let second = try bench.submission()
    bench.engine.driver.onEnter = nil
    #expect(second.opcode == SLUICE_OP_SENDMSG_ZC && second.ioPriority == SLUICE_SEND_ZC_REPORT_USAGE)
    #expect(vector == Pattern().bytes(count: 2) + Pattern().bytes(count: 300) + Pattern().bytes(count: 4000))
    try bench.result(second, 4302)
    #expect(bench.held == 4)
    try bench.notify(second)
    #expect(bench.held == 1)
    try bench.notify(first)
    #expect(bench.held == 0)
    try bench.finish()
  }

  // MARK: Notifications

  @Test func theMemoryStaysLockedFromTheResultToTheNotification() throws {
    let bench = try Bench()
    let send = try bench.send([1, 2, 3])
    #expect(bench.held == 1)
    try bench.result(send, 3)
    // Sent, as far as the connection is concerned.
    #expect(bench.machine.unsent == 0 && !bench.machine.flags.contains(.sendInFlight))
    for _ in 0..<3 { #expect(try bench.engine.turn().isEmpty) }
    #expect(bench.held == 1 && bench.use.pinned > 0)
    try bench.notify(send)
    #expect(bench.held == 0 && bench.use.pinned == 0)
    try bench.finish()
  }

  @Test func aResultWithoutMoreIsTheLastWord() throws {
    let bench = try Bench()
    let send = try bench.send([1, 2, 3])
    try bench.result(send, 3, more: false)
    #expect(bench.held == 0 && bench.sends.inUse == 0 && bench.statistics.zeroCopySends == 1)
    try bench.finish()
  }

  @Test func aNotificationThatAnnouncesAnotherOneIsNotTheLastWord() throws {
    let bench = try Bench()
    let send = try bench.send([1, 2, 3])
    try bench.result(send, 3)
    bench.engine.driver.complete(send.userData, result: 0, flags: SLUICE_CQE_NOTIFICATION | SLUICE_CQE_MORE)
    _ = try bench.engine.turn()
    #expect(bench.held == 1)
    try bench.notify(send)
    #expect(bench.held == 0)
    try bench.finish()
  }

  /// The next send does not wait, and notifications may come in any order.
  @Test(arguments: [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]])
  func notificationsComeInAnyOrder(order: [Int]) throws {
    let bench = try Bench()
    var sends: [ScriptedSubmission] = []
    for number in 0..<4 {
      sends.append(try bench.send([UInt8(number)]))
      try bench.result(sends[number], 1)
    }
    #expect(Set(sends.map(\.userData)).count == 4 && bench.held == 4)
    for (released, place) in order.enumerated() {
      #expect(sends[place].sentBytes == [UInt8(place)])
      try bench.notify(sends[place])
      #expect(bench.held == 3 - released)
    }
    #expect(bench.statistics.zeroCopySends == 4 && bench.statistics.zeroCopyCopied == 0)
    try bench.finish()
  }

  @Test func aNotificationThatComesTwiceOrForNothingIsDropped() throws {
    let bench = try Bench()
    let first = try bench.send([1])
    try bench.result(first, 1)
    try bench.notify(first)
    let second = try bench.send([2])
    // The same place in the slab, in another life.
    #expect(OperationID(rawValue: second.userData).index == OperationID(rawValue: first.userData).index)
    try bench.notify(first)
    bench.engine.driver.complete(OperationID(.sendZeroCopy, index: 99_999).rawValue, result: 5)
    _ = try bench.engine.turn()
    #expect(bench.held == 1 && bench.machine.flags.contains(.sendInFlight))
    try bench.result(second, 1)
    try bench.notify(second)
    try bench.finish()
  }

  // MARK: Short and failed sends

  @Test(arguments: [[0, 1], [1, 0]])
  func theRestOfAShortSendGoesOutWhileTheFirstPartStaysLocked(order: [Int]) throws {
    let bench = try Bench()
    let bytes = Pattern().bytes(count: 100)
    let first = try bench.send(bytes)
    bench.engine.driver.complete(first.userData, result: 30, flags: SLUICE_CQE_MORE)
    _ = try bench.engine.turn()
    let second = try bench.submission()
    // In place: the same memory, 30 bytes on.
    #expect(second.opcode == SLUICE_OP_SEND_ZC && second.sentBytes == Array(bytes[30...]))
    #expect(second.address == first.address + 30 && second.userData != first.userData)
    try bench.result(second, 70)
    #expect(bench.machine.unsent == 0 && bench.statistics.bytesSent == 100)
    try bench.notify([first, second][order[0]])
    #expect(bench.held == 1)
    try bench.notify([first, second][order[1]])
    #expect(bench.held == 0)
    try bench.finish()
  }

  @Test func aShortVectorGoesOnInTheMiddleOfAView() throws {
    let bench = try Bench()
    let start = try bench.send([0])
    for _ in 0..<3 { _ = try bench.engine.send(Pattern().bytes(count: 1000), on: bench.index) }
    try bench.result(start, 1, more: false)
    let vector = try bench.submission()
    #expect(vector.opcode == SLUICE_OP_SENDMSG_ZC)
    bench.engine.driver.complete(vector.userData, result: 1500, flags: SLUICE_CQE_MORE)
    _ = try bench.engine.turn()
    var rest: [UInt8] = []
    bench.engine.driver.onEnter = { driver in rest = driver.submissions.first?.sentBytes ?? [] }
    let second = try bench.submission()
    bench.engine.driver.onEnter = nil
    #expect(rest == Array(Pattern().bytes(count: 1000)[500...]) + Pattern().bytes(count: 1000))
    try bench.result(second, 1500)
    #expect(bench.held == 3)
    // The first view is the first send's alone.
    try bench.notify(vector)
    #expect(bench.held == 2)
    try bench.notify(second)
    try bench.finish()
  }

  @Test(arguments: [false, true])
  func aFailedSendReleasesItsMemoryWhenNoNotificationIsOwed(isOwed: Bool) throws {
    let bench = try Bench()
    let send = try bench.send([1, 2, 3])
    try bench.result(send, -Int(Errno.brokenPipe.rawValue), more: isOwed)
    _ = try bench.engine.turn()
    #expect(bench.engine.sink.take().contains(.ended(bench.index)))
    #expect(bench.machine.unsent == 0 && bench.held == (isOwed ? 1 : 0))
    if isOwed {
      // The kernel calls copied what it never sent: no figure of ours.
      try bench.notify(send, copied: true)
      #expect(bench.held == 0)
    }
    #expect(bench.statistics.zeroCopySends == 0 && bench.statistics.zeroCopyCopied == 0)
    #expect(bench.statistics.zeroCopyFallbacks == 0)
    try bench.finish()
  }

  @Test(
    arguments: [
      Errno.noMemory, .noBufferSpace, .invalidArgument, Errno(rawValue: EOPNOTSUPP), .notPermitted, .permissionDenied,
      .badAddress,
    ],
    [false, true]
  )
  func aRefusedSendGoesOutAsAPlainOneAndNothingIsLost(error: Errno, isOwed: Bool) throws {
    let bench = try Bench()
    let bytes = Pattern().bytes(count: 500)
    let refused = try bench.send(bytes)
    bench.engine.driver.complete(
      refused.userData,
      result: -error.rawValue,
      flags: isOwed ? SLUICE_CQE_MORE : 0
    )
    _ = try bench.engine.turn()
    let plain = try bench.submission()
    #expect(plain.opcode == SLUICE_OP_SEND && plain.sentBytes == bytes)
    try bench.plainResult(500)
    #expect(bench.held == (isOwed ? 1 : 0))
    if isOwed { try bench.notify(refused, copied: true) }
    #expect(bench.held == 0 && bench.statistics.zeroCopyFallbacks == 1 && bench.statistics.bytesSent == 500)
    #expect(bench.statistics.zeroCopySends == 0 && bench.statistics.zeroCopyCopied == 0)
    // And so do all that follow.
    #expect(try bench.send([9]).opcode == SLUICE_OP_SEND)
    #expect(!bench.engine.sink.take().contains(.ended(bench.index)))
    try bench.plainResult(1)
    try bench.finish()
  }

  @Test func anInterruptedSendIsRepeated() throws {
    let bench = try Bench()
    let first = try bench.send([1, 2, 3])
    bench.engine.driver.complete(first.userData, result: -Errno.interrupted.rawValue)
    _ = try bench.engine.turn()
    let second = try bench.submission()
    #expect(second.opcode == SLUICE_OP_SEND_ZC && second.sentBytes == [1, 2, 3])
    try bench.result(second, 3, more: false)
    #expect(bench.statistics.zeroCopyFallbacks == 0)
    try bench.finish()
  }

  // MARK: Reports

  @Test func reportsOfCopiesInARowSwitchAConnectionBackToPlainSends() throws {
    let bench = try Bench()
    for number in 0..<Int(ZeroCopyUse.patience) {
      let send = try bench.send([UInt8(number)])
      #expect(send.opcode == SLUICE_OP_SEND_ZC)
      try bench.result(send, 1)
      try bench.notify(send, copied: true)
    }
    #expect(bench.statistics.zeroCopyCopied == UInt64(ZeroCopyUse.patience))
    #expect(try bench.send([1]).opcode == SLUICE_OP_SEND)
    try bench.plainResult(1)
    // Another connection is another matter.
    let other = try bench.engine.open()
    _ = try bench.engine.turn()
    _ = try bench.engine.send([1], on: other)
    let send = try bench.submission()
    #expect(send.opcode == SLUICE_OP_SEND_ZC)
    try bench.result(send, 1, more: false)
    try bench.finish()
  }

  @Test func aSendThatWasNotCopiedStartsTheCountAgain() throws {
    let bench = try Bench()
    for round in 0..<5 {
      for number in 0..<Int(ZeroCopyUse.patience) {
        let send = try bench.send([UInt8(round)])
        #expect(send.opcode == SLUICE_OP_SEND_ZC)
        try bench.result(send, 1)
        try bench.notify(send, copied: number > 0)
      }
    }
    #expect(bench.statistics.zeroCopySends == 15 && bench.statistics.zeroCopyCopied == 10)
    try bench.finish()
  }

  @Test func onceSwitchedOffAConnectionStaysSo() {
    var use = ZeroCopyUse()
    use.switchOff()
    use.report(copied: false)
    #expect(!use.isAllowed)
    for _ in 0..<300 { use.report(copied: true) }
    #expect(!use.isAllowed)
  }

  // MARK: Bounds

  @Test func beyondTheBoundOfAConnectionSendsArePlainAndNeverWait() throws {
    // 1 MiB: a connection may pin 64 KiB, which is 64 slots of 1 KiB.
    let bench = try Bench(poolBytes: 1 << 20)
    let bound = bench.sends.policy.connectionBytes
    var pending: [ScriptedSubmission] = []
    var plain = 0
    for number in 0..<80 {
      let send = try bench.send(Array(repeating: UInt8(number), count: 1000))
      if send.opcode == SLUICE_OP_SEND_ZC {
        #expect(plain == 0)
        pending.append(send)
        try bench.result(send, 1000)
      } else {
        plain += 1
        try bench.plainResult(1000)
      }
      #expect(bench.use.pinned <= bound && bench.sends.pinned == bench.use.pinned && bench.held == pending.count)
    }
    #expect(pending.count == 64 && plain == 16)
    // Each notification makes room for one more.
    try bench.notify(pending.removeFirst())
    let next = try bench.send(Array(repeating: 1, count: 1000))
    #expect(next.opcode == SLUICE_OP_SEND_ZC)
    try bench.result(next, 1000)
    for send in pending + [next] { try bench.notify(send) }
    #expect(bench.held == 0)
    try bench.finish()
  }

  @Test func allConnectionsTogetherAreBoundedToo() throws {
    let bench = try Bench(poolBytes: 1 << 20)
    let bound = bench.sends.policy.loopBytes
    var pending: [ScriptedSubmission] = []
    var plain = 0
    for _ in 0..<12 {
      let index = try bench.engine.open()
      _ = try bench.engine.turn()
      _ = try bench.engine.send(Array(repeating: 1, count: 60_000), on: index)
      let send = try bench.submission()
      if send.opcode == SLUICE_OP_SEND_ZC {
        pending.append(send)
        try bench.result(send, 60_000)
      } else {
        plain += 1
        bench.engine.complete(.send, of: index, 60_000)
        _ = try bench.engine.turn()
      }
      #expect(bench.sends.pinned <= bound)
    }
    #expect(pending.count == 4 && plain == 8)
    for send in pending { try bench.notify(send) }
    #expect(bench.held == 0)
    try bench.finish()
  }

  /// A vector is cut where the room ends; the rest follows.
  @Test func aSendCarriesAsManyViewsAsThereIsRoomFor() throws {
    let bench = try Bench(poolBytes: 8 << 20)
    let room = bench.sends.policy.connectionBytes
    let start = try bench.send([0])
    for _ in 0..<12 { _ = try bench.engine.send(Array(repeating: 1, count: 60_000), on: bench.index) }
    try bench.result(start, 1, more: false)
    let first = try bench.submission()
    let carried = Int(bench.use.pinned)
    #expect(first.opcode == SLUICE_OP_SENDMSG_ZC && carried <= room && carried > room / 2)
    try bench.result(first, carried / 65_536 * 60_000)
    try bench.notify(first)
    try bench.finish()
  }

  // MARK: Ends

  @Test func anAbortCancelsTheSendInFlightByItsOwnName() throws {
    let bench = try Bench()
    let pending = try bench.send([1])
    try bench.result(pending, 1)
    let flying = try bench.send([2])
    bench.engine.engine.abort(bench.index, .closed)
    let cancels = try bench.engine.turn()
    #expect(Set(cancels.kinds) == [.cancelSend, .cancelReceive])
    let cancel = try #require(cancels.first { OperationID(rawValue: $0.userData).kind == .cancelSend })
    #expect(cancel.address == flying.userData)
    bench.engine.driver.complete(cancel.userData, result: 0)
    bench.engine.fail(.receive, of: bench.index, .canceled)
    _ = try bench.engine.turn()
    #expect(try bench.engine.turn().isEmpty && bench.held == 2, "the kernel has not answered")
    // Cancelled, and a notification is owed nevertheless.
    try bench.result(flying, -Int(Errno.canceled.rawValue))
    #expect(bench.held == 2)
    // The end of the connection waits for no notification.
    #expect(try bench.submission().opcode == SLUICE_OP_CLOSE)
    bench.engine.complete(.close, of: bench.index, 0)
    _ = try bench.engine.turn()
    #expect(bench.engine.sink.take().last == .closed(bench.index) && bench.engine.engine.openConnections == 0)
    #expect(bench.held == 2 && !bench.engine.engine.isIdle)
    try bench.notify(flying, copied: true)
    try bench.notify(pending)
    #expect(bench.held == 0 && bench.engine.engine.isIdle)
    try bench.finish()
  }

  @Test func afterAPlainSendTheCancelNamesThePlainOne() throws {
    let bench = try Bench(100)
    let pending = try bench.send(Array(repeating: 1, count: 100))
    try bench.result(pending, 100)
    let flying = try bench.send([2])
    bench.engine.engine.abort(bench.index, .closed)
    let cancel = try bench.engine.turn().first { OperationID(rawValue: $0.userData).kind == .cancelSend }
    #expect(cancel?.address == flying.userData && flying.opcode == SLUICE_OP_SEND)
    bench.engine.fail(.send, of: bench.index, .canceled)
    try bench.notify(pending)
    bench.engine.fail(.receive, of: bench.index, .canceled)
    try bench.finish()
  }

  /// The notification of a connection that is gone must not touch the one that has its record now.
  @Test func aNotificationAfterTheCloseDoesNotReachTheNextConnection() throws {
    let bench = try Bench()
    let send = try bench.send([1])
    try bench.result(send, 1)
    bench.engine.engine.abort(bench.index, .closed)
    _ = try bench.engine.turn()
    bench.engine.fail(.receive, of: bench.index, .canceled)
    _ = try bench.engine.turn()
    _ = try bench.engine.turn()
    bench.engine.complete(.close, of: bench.index, 0)
    _ = try bench.engine.turn()
    #expect(try bench.engine.open() == bench.index)
    _ = try bench.engine.turn()
    #expect(bench.use == ZeroCopyUse() && bench.held == 1)
    let other = try bench.send([2])
    let before = bench.use
    try bench.notify(send, copied: true)
    #expect(bench.use == before && bench.held == 1 && bench.statistics.zeroCopyCopied == 1)
    try bench.result(other, 1)
    try bench.notify(other)
    #expect(bench.use == ZeroCopyUse())
    try bench.finish()
  }

  /// Where a deadline is over; and where the user gave the stream up, whatever is pinned.
  @Test(arguments: [
    (SocketError.Kind.idle, true, true), (.timedOut, true, true), (.shuttingDown, true, true), (.closed, true, true),
    (.idle, false, false),
  ])
  func aConnectionWhoseTimeIsUpIsResetIfItPinsMemory(kind: SocketError.Kind, pins: Bool, resets: Bool) throws {
    let bench = try Bench()
    let socket = try FileDescriptor.socketOfTCP()
    defer { try? socket.close() }
    let settings = ConnectionSettings(ConnectionLimits(), isHandled: false)
    #expect(bench.engine.sink.budget?.take() == true)
    let opened = bench.engine.engine.open(socket.rawValue, sink: bench.engine.sink, settings: settings)
    let index = try #require(opened)
    _ = try bench.engine.turn()
    _ = try bench.engine.send([1], on: index)
    let send = try bench.submission()
    try bench.result(send, 1, more: pins)
    bench.engine.engine.abort(index, kind)
    _ = try bench.engine.turn()
    bench.engine.fail(.receive, of: index, .canceled)
    _ = try bench.engine.turn()
    #expect(try bench.submission().opcode == SLUICE_OP_CLOSE)
    #expect(socket.resetsOnClose == resets)
    bench.engine.complete(.close, of: index, 0)
    _ = try bench.engine.turn()
    if pins { try bench.notify(send) }
    try bench.finish()
  }

  @Test func theLoopsEndWaitsForNotificationsButNotForEver() throws {
    let bench = try Bench()
    let send = try bench.send([1])
    try bench.result(send, 1)
    bench.engine.engine.stop()
    _ = try bench.engine.turn()
    bench.engine.fail(.receive, of: bench.index, .canceled)
    _ = try bench.engine.turn()
    _ = try bench.engine.turn()
    bench.engine.complete(.close, of: bench.index, 0)
    _ = try bench.engine.turn()
    #expect(bench.engine.engine.openConnections == 0 && !bench.engine.engine.isIdle)
    let patience = LoopClock.deadline(after: StreamEngine.notificationPatience, from: bench.engine.loop.now)
    let timer = bench.engine.loop.timers.popExpired(at: patience)
    guard case .notice(let body) = try #require(timer) else {
      Issue.record("another timer")
      return
    }
    body()
    // The loop may end; the memory is not given back.
    #expect(bench.engine.engine.isIdle && bench.held == 1)
    try bench.notify(send)
    #expect(bench.held == 0)
    try bench.finish()
  }
}
