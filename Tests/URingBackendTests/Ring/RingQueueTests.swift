import CLiburing
import SystemPackage
import Testing

@testable import URingBackend

/// The queues of a ring, driven by plain memory: the seam is real.
struct RingQueueTests {
  @Test func submissionsAreInvisibleUntilTheRingEnters() throws {
    let driver = ScriptedDriver()
    let ring = Ring(driver: driver)
    #expect(ring.prepareNop(userData: 1) && ring.prepareNop(userData: 2))
    #expect(driver.publishedSubmissions == 0)
    #expect(ring.pendingSubmissions == 2 && ring.availableSubmissions == 6)

    try ring.enter(waitFor: 0, timeoutNanoseconds: nil)
    #expect(driver.takeSubmissions().map(\.userData) == [1, 2])
    #expect(driver.enters == [ScriptedDriver.Enter(submit: 2, waitFor: 0, timeoutNanoseconds: nil)])
    #expect(ring.pendingSubmissions == 0)
  }

  @Test func entriesAreZeroedEvenWhenTheyAreUsedAgain() throws {
    let driver = ScriptedDriver(entries: 2)
    let ring = Ring(driver: driver)
    for _ in 0..<5 {
      let entry = unsafe try #require(ring.nextSubmission())
      let bytes = unsafe UnsafeRawBufferPointer(start: entry, count: 64)
      #expect(unsafe bytes.allSatisfy { $0 == 0 })
      unsafe UnsafeMutableRawPointer(entry).initializeMemory(as: UInt8.self, repeating: 0x55, count: 64)
      try ring.enter(waitFor: 0, timeoutNanoseconds: nil)
    }
  }

  @Test func aFullQueueIsSubmittedInsteadOfDroppingAnEntry() throws {
    let driver = ScriptedDriver(entries: 4)
    let ring = Ring(driver: driver)
    for number in 0..<10 { #expect(ring.prepareNop(userData: UInt64(number))) }
    // Four and four were forced out, two are left for the turn's own enter.
    #expect(driver.takeSubmissions().map(\.userData) == Array(0..<8))
    #expect(driver.enters.allSatisfy { $0.waitFor == 0 })
    try ring.enter(waitFor: 0, timeoutNanoseconds: nil)
    #expect(driver.takeSubmissions().map(\.userData) == [8, 9])
    #expect(ring.statistics.forcedEnters == 2)
    #expect(ring.statistics.submissions == 10)
  }

  @Test func aKernelThatConsumesNothingGivesNoEntryUntilItDoes() throws {
    let driver = ScriptedDriver(entries: 2)
    let ring = Ring(driver: driver)
    #expect(ring.prepareNop(userData: 1) && ring.prepareNop(userData: 2))
    driver.nextResult = -Errno.resourceTemporarilyUnavailable.rawValue
    #expect(!ring.prepareNop(userData: 3))
    #expect(ring.pendingSubmissions == 2)
    #expect(ring.prepareNop(userData: 3))
    #expect(driver.takeSubmissions().map(\.userData) == [1, 2])
  }

  @Test func anEnterThatConsumesAPartLeavesTheRestForTheNext() throws {
    let driver = ScriptedDriver(entries: 8)
    let ring = Ring(driver: driver)
    for number in 0..<5 { #expect(ring.prepareNop(userData: UInt64(number))) }
    driver.consumeLimit = 2
    for _ in 0..<3 { try ring.enter(waitFor: 0, timeoutNanoseconds: nil) }
    #expect(driver.takeSubmissions().map(\.userData) == [0, 1, 2, 3, 4])
    #expect(driver.enters.map(\.submit) == [5, 3, 1])
  }

  @Test(arguments: [UInt32(0), UInt32.max - 5])
  func indicesRunThroughTheEndOfTheirRange(start: UInt32) throws {
    let driver = ScriptedDriver(entries: 4, completionEntries: 4, start: start)
    let ring = Ring(driver: driver)
    driver.onEnter = { driver in
      for submission in driver.takeSubmissions() { driver.complete(submission.userData, result: 7) }
    }
    var seen: [UInt64] = []
    for round in 0..<8 {
      for number in 0..<3 { #expect(ring.prepareNop(userData: UInt64(round * 3 + number))) }
      try ring.enter(waitFor: 3, timeoutNanoseconds: nil)
      while let completion = ring.nextCompletion() { seen.append(completion.userData) }
    }
    #expect(seen == Array(0..<24))
  }

  @Test func completionsAreCopiedOutAndTheirPlaceIsFreeAtOnce() {
    let driver = ScriptedDriver(completionEntries: 2)
    let ring = Ring(driver: driver)
    #expect(!ring.hasCompletions && ring.nextCompletion() == nil)
    driver.complete(1, result: 10)
    driver.complete(2, result: -5, flags: SLUICE_CQE_MORE)
    #expect(ring.hasCompletions)
    let first = ring.nextCompletion()
    #expect(first?.userData == 1 && first?.result == 10 && first?.hasMore == false)
    // The queue has room for another before the batch is through.
    driver.complete(3, result: 0)
    #expect(driver.completionsParked == 0)
    let second = ring.nextCompletion()
    #expect(second?.userData == 2 && second?.result == -5 && second?.hasMore == true)
    #expect(ring.nextCompletion()?.userData == 3)
    #expect(!ring.hasCompletions && ring.nextCompletion() == nil)
    #expect(ring.statistics.completions == 3)
  }

  @Test func aHandlerMaySubmitAndEvenEnterBetweenTwoCompletions() throws {
    let driver = ScriptedDriver(entries: 2, completionEntries: 4)
    let ring = Ring(driver: driver)
    for number in 1...4 { driver.complete(UInt64(number), result: 0) }
    var seen: [UInt64] = []
    while let completion = ring.nextCompletion() {
      seen.append(completion.userData)
      #expect(ring.prepareNop(userData: 100 + completion.userData))
    }
    #expect(seen == [1, 2, 3, 4])
    #expect(driver.takeSubmissions().map(\.userData) == [101, 102])
    #expect(ring.pendingSubmissions == 2)
  }

  @Test func completionsThatDidNotFitComeWithTheNextEnter() throws {
    let driver = ScriptedDriver(completionEntries: 4)
    let ring = Ring(driver: driver)
    for number in 0..<10 { driver.complete(UInt64(number), result: 0) }
    #expect(ring.hasOverflow && driver.completionsParked == 6)
    var seen: [UInt64] = []
    for _ in 0..<3 {
      while let completion = ring.nextCompletion() { seen.append(completion.userData) }
      try ring.enter(waitFor: 0, timeoutNanoseconds: nil)
    }
    #expect(seen == Array(0..<10))
    #expect(!ring.hasOverflow)
  }

  @Test(arguments: [Errno.interrupted, .resourceTemporarilyUnavailable, .resourceBusy, Errno(rawValue: ETIME)])
  func aWaitThatEndsForAPassingReasonIsNoError(errno: Errno) throws {
    let driver = ScriptedDriver()
    let ring = Ring(driver: driver)
    driver.nextResult = -errno.rawValue
    try ring.enter(waitFor: 1, timeoutNanoseconds: 5)
    #expect(driver.enters == [ScriptedDriver.Enter(submit: 0, waitFor: 1, timeoutNanoseconds: 5)])
  }

  @Test(arguments: [
    (Errno(rawValue: EBADR), RingError.Reason.completionsLost), (.fileExists, .wrongThread),
    (.badAddress, .system(.badAddress)), (.badFileDescriptor, .system(.badFileDescriptor)),
  ])
  func anEnterThatNoRepetitionHealsThrows(errno: Errno, reason: RingError.Reason) {
    let driver = ScriptedDriver()
    let ring = Ring(driver: driver)
    driver.nextResult = -errno.rawValue
    let error = #expect(throws: RingError.self) { try ring.enter(waitFor: 1, timeoutNanoseconds: nil) }
    #expect(error?.reason == reason && error?.operation == "io_uring_enter")
  }

  @Test func aClosedRingGivesNothingAndTouchesNothing() {
    let driver = ScriptedDriver()
    let ring = Ring(driver: driver)
    driver.complete(1, result: 0)
    ring.close()
    ring.close()
    #expect(driver.isClosed)
    #expect(!ring.prepareNop(userData: 1))
    #expect(ring.nextCompletion() == nil && !ring.hasCompletions && !ring.hasOverflow)
    unsafe #expect(ring.register(SLUICE_REGISTER_PBUF_RING, nil, 0) == -Errno.badFileDescriptor.rawValue)
    #expect(throws: RingError.self) { try ring.enter(waitFor: 0, timeoutNanoseconds: nil) }
    #expect(driver.enters.isEmpty)
  }

  @Test func aRingInAForkedChildRefusesToWork() {
    let driver = ScriptedDriver()
    let ring = Ring(driver: driver)
    driver.complete(1, result: 0)
    // What the kernel does to the mark in a child.
    unsafe driver.queues.ownerMark.pointee = 0
    #expect(!ring.prepareNop(userData: 1))
    #expect(ring.nextCompletion() == nil && !ring.hasCompletions)
    let error = #expect(throws: RingError.self) { try ring.enter(waitFor: 0, timeoutNanoseconds: nil) }
    #expect(error?.reason == .wrongThread)
  }

  @Test func completionFlagsSayWhatTheyMean() {
    let plain = Completion(userData: 0, result: 0, flags: 0xFFFF_0000)
    #expect(!plain.hasMore && !plain.isNotification && !plain.bufferHasMore && plain.bufferID == nil)
    let buffer = Completion(userData: 0, result: 1, flags: 0x1234_0000 | SLUICE_CQE_BUFFER | SLUICE_CQE_BUFFER_MORE)
    #expect(buffer.bufferID == 0x1234 && buffer.bufferHasMore && !buffer.hasMore)
    #expect(Completion(userData: 0, result: 0, flags: SLUICE_CQE_NOTIFICATION).isNotification)
    #expect(Completion(userData: 0, result: 0, flags: SLUICE_CQE_SOCKET_NONEMPTY).socketHasMore)
  }
}
