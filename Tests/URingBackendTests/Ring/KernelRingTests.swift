import CLiburing
import SystemPackage
import Synchronization
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Rings of the kernel that the tests run on, with every set of features that they may have to run with.
@Suite(.needsIOUring)
struct KernelRingTests {
  @Test(arguments: KernelFeatures.variants)
  func whatIsSubmittedComesBack(without disabled: [KernelFeature]) throws {
    let ring = try Ring.kernel(entries: 4, without: disabled)
    for round in 0..<3 {
      for number in 0..<10 { #expect(ring.prepareNop(userData: UInt64(round * 10 + number))) }
      var seen: [UInt64] = []
      while seen.count < 10, let completion = try ring.completion() { seen.append(completion.userData) }
      #expect(seen.sorted() == Array(UInt64(round * 10)..<UInt64(round * 10 + 10)))
    }
    #expect(ring.statistics.submissions == 30 && ring.statistics.completions == 30)
  }

  @Test(arguments: KernelFeatures.variants)
  func aWaitEndsWhenItsTimeIsUp(without disabled: [KernelFeature]) throws {
    let ring = try Ring.kernel(without: disabled)
    let start = ContinuousClock.now
    try ring.enter(waitFor: 1, timeoutNanoseconds: 20_000_000)
    let waited = start.duration(to: .now)
    #expect(waited >= .milliseconds(19) && waited < .seconds(5))
    // The time of one wait does not stick to the next: this one ends with its completion.
    #expect(ring.prepareNop(userData: 1))
    try ring.enter(waitFor: 1, timeoutNanoseconds: nil)
    #expect(ring.nextCompletion()?.userData == 1)
  }

  @Test func completionsBeyondTheQueueAreNotLost() throws {
    let ring = try Ring.kernel(entries: 64, completionEntries: 64)
    for number in 0..<500 { #expect(ring.prepareNop(userData: UInt64(number))) }
    try ring.enter(waitFor: 0, timeoutNanoseconds: nil)
    #expect(ring.hasOverflow && ring.lostCompletions == 0)
    var seen: [UInt64] = []
    while seen.count < 500, let completion = try ring.completion() { seen.append(completion.userData) }
    #expect(seen == Array(0..<500))
    #expect(!ring.hasOverflow && !ring.hasCompletions)
  }

  @Test func oneBadEntryFailsAloneAndTheRestIsSubmitted() throws {
    let ring = try Ring.kernel()
    #expect(ring.prepareNop(userData: 1))
    let entry = try unsafe #require(ring.nextSubmission())
    unsafe entry.pointee.opcode = 255
    unsafe entry.pointee.user_data = 2
    #expect(ring.prepareNop(userData: 3))
    try ring.enter(waitFor: 3, timeoutNanoseconds: 1_000_000_000)
    var results: [UInt64: Int32] = [:]
    while let completion = ring.nextCompletion() { results[completion.userData] = completion.result }
    #expect(results == [1: 0, 2: -Errno.invalidArgument.rawValue, 3: 0])
  }

  @Test(arguments: KernelFeatures.variants)
  func bytesSentAreTheBytesReceived(without disabled: [KernelFeature]) throws {
    let ring = try Ring.kernel(without: disabled)
    let pair = try SocketPair()
    let receiver = try ManualReceiver(ring: ring, descriptor: pair.ours.rawValue)
    var expected: [UInt8] = []
    for length in [1, 7, 100, 3, 64] {
      let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ length) }
      try pair.send(bytes)
      expected += bytes
      try receiver.receive(untilTotal: expected.count)
    }
    #expect(receiver.received == expected)
    #expect(receiver.sharedABuffer == ring.features.has(.incrementalBuffers))
    #expect(receiver.rearmed == !ring.features.has(.multishotReceive))
    try receiver.end(by: pair)
  }

  @Test func aReceiveWithALimitEndsItself() throws {
    let ring = try Ring.kernel()
    try #require(ring.features.has(.receiveLimit))
    let pair = try SocketPair()
    let receiver = try ManualReceiver(ring: ring, descriptor: pair.ours.rawValue, limit: 10, arm: false)
    for _ in 0..<5 { try pair.send([1, 2, 3, 4]) }
    #expect(receiver.arm())
    let total = try receiver.receiveUntilItEnds()
    // The overshoot is less than one buffer.
    #expect(total >= 10 && total <= 10 + ManualReceiver.slotBytes)
  }

  @Test(arguments: [[KernelFeature](), [.multishotAccept]])
  func connectionsAreAccepted(without disabled: [KernelFeature]) throws {
    let ring = try Ring.kernel(without: disabled)
    let listener = try UnixListener()
    var accepted: [FileDescriptor] = []
    var isArmed = false
    for _ in 0..<3 {
      if !isArmed {
        isArmed =
          ring.features.has(.multishotAccept)
          ? ring.prepareAcceptMultishot(listener.descriptor.rawValue, userData: 1)
          : ring.prepareAcceptOnce(listener.descriptor.rawValue, userData: 1)
      }
      let client = try listener.makeClient()
      let completion = try #require(try ring.completion())
      #expect(completion.result >= 0 && completion.hasMore == ring.features.has(.multishotAccept))
      isArmed = completion.hasMore
      let descriptor = FileDescriptor(rawValue: completion.result)
      accepted.append(descriptor)
      #expect(fcntl(descriptor.rawValue, F_GETFD) == FD_CLOEXEC)
      #expect(fcntl(descriptor.rawValue, F_GETFL) & O_NONBLOCK == 0)
      try client.close()
    }
    for descriptor in accepted { try descriptor.close() }
  }

  @Test func cancellingADescriptorEndsEveryOperationOnIt() throws {
    let ring = try Ring.kernel()
    let pair = try SocketPair()
    #expect(ring.preparePollAdd(pair.ours.rawValue, events: UInt32(POLLIN), userData: 1))
    #expect(ring.preparePollAdd(pair.ours.rawValue, events: UInt32(POLLPRI), userData: 2))
    try ring.enter(waitFor: 0, timeoutNanoseconds: nil)
    #expect(ring.prepareCancelAll(pair.ours.rawValue, userData: 3))
    var results: [UInt64: Int32] = [:]
    while results.count < 3, let completion = try ring.completion() { results[completion.userData] = completion.result }
    #expect(results == [1: -Errno.canceled.rawValue, 2: -Errno.canceled.rawValue, 3: 2])
  }

  @Test func sendShutdownAndCloseDoWhatTheirNamesSay() throws {
    let ring = try Ring.kernel()
    let pair = try SocketPair()
    let bytes: [UInt8] = [9, 8, 7]
    let duplicate = try pair.ours.duplicate()
    try unsafe bytes.withUnsafeBytes { memory in
      let base = unsafe try #require(memory.baseAddress)
      #expect(unsafe ring.prepareSend(duplicate.rawValue, base: base, count: 3, flags: 0, userData: 1))
      #expect(try ring.completion()?.result == 3)
    }
    #expect(ring.prepareShutdown(duplicate.rawValue, how: Int32(SHUT_WR), userData: 2))
    #expect(try ring.completion()?.result == 0)
    #expect(ring.prepareClose(duplicate.rawValue, userData: 3))
    #expect(try ring.completion()?.result == 0)
    var received = [UInt8](repeating: 0, count: 8)
    #expect(try unsafe received.withUnsafeMutableBytes { try unsafe pair.peer.read(into: $0) } == 3)
    #expect(received.prefix(3) == [9, 8, 7])
    #expect(try unsafe received.withUnsafeMutableBytes { try unsafe pair.peer.read(into: $0) } == 0)
  }

  @Test func anotherThreadIsRefusedWithAClearError() throws {
    let ring = try Ring.kernel()
    try #require(ring.features.has(.singleIssuer))
    let error = try OtherThread.run(ring) { ring -> RingError? in
      do throws(RingError) {
        try ring.enter(waitFor: 0, timeoutNanoseconds: nil)
        return nil
      } catch {
        return error
      }
    }
    #expect(error?.reason == .wrongThread)
    #expect(error?.description.contains("only by the thread that made it") == true)
  }

  @Test func aForkedChildIsRefusedWithAClearErrorAndCannotHarmItsParent() throws {
    let ring = try Ring.kernel(without: [.singleIssuer])
    #expect(ring.prepareNop(userData: 1))
    let status = try Fork.child {
      // 10: an entry was handed out. 11: the ring entered. 12: refused, as it should.
      if ring.prepareNop(userData: 2) { return 10 }
      // Questions have an answer, though the queues are not mapped here.
      if ring.pendingSubmissions != 0 || ring.hasCompletions || ring.hasPendingWork { return 10 }
      if ring.nextCompletion() != nil { return 11 }
      do throws(RingError) {
        try ring.enter(waitFor: 0, timeoutNanoseconds: nil)
        return 11
      } catch {
        return error.reason == .wrongThread ? 12 : 13
      }
    }
    #expect(status == 12)
    #expect(try ring.completion()?.userData == 1)
  }

  @Test func closedRingsAndTheProbeLeaveNoDescriptorOpen() throws {
    let probing = try descriptorsStayOpen { _ = try KernelFeatures.probe() }
    #expect(probing == 0)
    let closing = try descriptorsStayOpen {
      let ring = try Ring.kernel()
      _ = ring.prepareNop(userData: 1)
      _ = try ring.completion()
      ring.close()
    }
    #expect(closing == 0)
    let dropping = try descriptorsStayOpen { _ = try Ring.kernel() }
    #expect(dropping == 0)
  }

  /// How many more descriptors are open after something was done three times. Other tests open some at the same time,
  /// so the least of several attempts counts.
  private func descriptorsStayOpen(after body: () throws -> Void) throws -> Int {
    var least = Int.max
    for _ in 0..<20 where least > 0 {
      let before = openDescriptors()
      for _ in 0..<3 { try body() }
      least = min(least, max(0, openDescriptors() - before))
      usleep(5000)
    }
    return least
  }

  private func openDescriptors() -> Int {
    (0..<1024).count { fcntl($0, F_GETFD) >= 0 }
  }
}
