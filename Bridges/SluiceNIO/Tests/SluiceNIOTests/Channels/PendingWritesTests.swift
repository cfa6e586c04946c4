import NIOCore
import NIOPosix
import Testing

@testable import SluiceNIO

@Suite struct PendingWritesTests {
  private let loop = MultiThreadedEventLoopGroup.singleton.any()

  private func bytes(_ count: Int) -> IOData { .byteBuffer(ByteBuffer(repeating: 1, count: count)) }

  private func piece(_ writes: inout PendingWrites, fileBytes: Int = .max) -> Int? {
    switch writes.nextPiece(fileBytes: fileBytes) {
    case .bytes(let buffer): buffer.readableBytes
    case .file(_, let count): count
    case nil: nil
    }
  }

  // What changes a value cannot stand in an expectation.

  private func add(_ data: IOData, to writes: inout PendingWrites) -> Bool { writes.add(data, nil) }

  private func becameWritable(_ writes: inout PendingWrites) -> Bool { writes.becameWritable() }

  private func popDone(_ writes: inout PendingWrites) -> EventLoopPromise<Void>?? { writes.popDone() }

  /// How many writes are done, whose promises were not taken.
  private func takeDone(_ writes: inout PendingWrites) -> Int {
    var count = 0
    while writes.popDone() != nil { count += 1 }
    return count
  }

  @Test func whatIsNotFlushedIsNotHandedOver() {
    var writes = PendingWrites()
    _ = writes.add(bytes(5), nil)
    #expect(piece(&writes) == nil)
    #expect(writes.bytes == 5)
    #expect(writes.hasUnflushed)
    writes.flush()
    #expect(!writes.hasUnflushed)
    #expect(piece(&writes) == 5)
    #expect(piece(&writes) == nil)
    #expect(writes.inFlight == 5)
  }

  @Test func flushingTwiceHandsOverOnce() {
    var writes = PendingWrites()
    _ = writes.add(bytes(5), nil)
    writes.flush()
    #expect(piece(&writes) == 5)
    writes.flush()
    #expect(piece(&writes) == nil)
  }

  @Test func aWriteIsDoneWithItsLastByte() {
    var writes = PendingWrites()
    for count in [3, 4, 5] { _ = writes.add(bytes(count), nil) }
    writes.flush()
    while piece(&writes) != nil {}
    writes.sent(2)
    #expect(takeDone(&writes) == 0)
    writes.sent(1)
    #expect(takeDone(&writes) == 1)
    writes.sent(8)
    #expect(writes.bytes == 1)
    #expect(takeDone(&writes) == 1)
    #expect(writes.hasUnsent)
    writes.sent(1)
    #expect(takeDone(&writes) == 1)
    #expect(!writes.hasUnsent)
    #expect(writes.bytes == 0)
  }

  @Test func promisesComeInTheOrderOfTheWrites() {
    let promises = (0..<3).map { _ in loop.makePromise(of: Void.self) }
    var writes = PendingWrites()
    for promise in promises { _ = writes.add(bytes(2), promise) }
    writes.flush()
    while piece(&writes) != nil {}
    writes.sent(6)
    for promise in promises {
      #expect(popDone(&writes)??.futureResult === promise.futureResult)
      promise.succeed(())
    }
    #expect(popDone(&writes) == nil)
  }

  @Test func aWriteWithoutAPromiseHoldsNobodyUp() {
    let promise = loop.makePromise(of: Void.self)
    var writes = PendingWrites()
    _ = writes.add(bytes(2), nil)
    _ = writes.add(bytes(2), promise)
    writes.flush()
    while piece(&writes) != nil {}
    writes.sent(4)
    #expect(takeDone(&writes) == 2)
    promise.succeed(())
  }

  @Test func emptyWritesAreDoneWhenThoseBeforeThemAre() {
    var writes = PendingWrites()
    for count in [0, 3, 0, 0, 2, 0] { _ = writes.add(bytes(count), nil) }
    writes.finishEmpty()
    #expect(takeDone(&writes) == 0, "nothing is flushed")
    writes.flush()
    #expect(piece(&writes) == 3)
    #expect(piece(&writes) == 2)
    #expect(piece(&writes) == nil)
    writes.finishEmpty()
    #expect(takeDone(&writes) == 1)
    writes.sent(3)
    #expect(takeDone(&writes) == 3)
    writes.sent(2)
    #expect(takeDone(&writes) == 2)
    #expect(!writes.hasUnsent)
  }

  @Test func anEmptyWriteThatIsDoneBeforeItIsPassedLeavesTheNextOnesInPlace() {
    var writes = PendingWrites()
    _ = writes.add(bytes(0), nil)
    writes.flush()
    writes.finishEmpty()
    #expect(takeDone(&writes) == 1)
    _ = writes.add(bytes(4), nil)
    _ = writes.add(bytes(6), nil)
    writes.flush()
    #expect(piece(&writes) == 4)
    writes.sent(4)
    #expect(takeDone(&writes) == 1)
    #expect(piece(&writes) == 6)
    #expect(piece(&writes) == nil)
  }

  @Test func writesMayJoinWhileOthersAreOnTheirWay() {
    var writes = PendingWrites()
    _ = writes.add(bytes(4), nil)
    writes.flush()
    #expect(piece(&writes) == 4)
    _ = writes.add(bytes(6), nil)
    writes.sent(4)
    #expect(takeDone(&writes) == 1)
    #expect(piece(&writes) == nil, "not flushed")
    writes.flush()
    #expect(piece(&writes) == 6)
  }

  @Test func theHighMarkIsPassedByWhatIsMoreThanIt() {
    var writes = PendingWrites()
    writes.marks = .init(low: 4, high: 10)
    #expect(!add(bytes(10), to: &writes))
    #expect(writes.isWritable)
    #expect(add(bytes(1), to: &writes))
    #expect(!writes.isWritable)
    #expect(!add(bytes(1), to: &writes), "told once")
  }

  @Test func itIsWritableAgainBelowTheLowMarkAndSaysSoOnce() {
    var writes = PendingWrites()
    writes.marks = .init(low: 4, high: 10)
    _ = writes.add(bytes(12), nil)
    writes.flush()
    while piece(&writes) != nil {}
    writes.sent(8)
    #expect(!writes.isWritable, "four are not below four")
    #expect(!becameWritable(&writes))
    writes.sent(1)
    #expect(writes.isWritable)
    #expect(becameWritable(&writes))
    #expect(!becameWritable(&writes))
  }

  @Test func aFlipThatIsTakenBackIsNotTold() {
    var writes = PendingWrites()
    writes.marks = .init(low: 4, high: 10)
    _ = writes.add(bytes(12), nil)
    writes.flush()
    while piece(&writes) != nil {}
    writes.sent(12)
    // Somebody whose promise was kept writes at once.
    #expect(add(bytes(12), to: &writes))
    #expect(!becameWritable(&writes))
  }

  @Test func givingUpFailsWhatIsNotDoneAndKeepsWhatIs() {
    let promises = (0..<4).map { _ in loop.makePromise(of: Void.self) }
    var writes = PendingWrites()
    for promise in promises.prefix(3) { _ = writes.add(bytes(2), promise) }
    writes.flush()
    while piece(&writes) != nil {}
    _ = writes.add(bytes(2), promises[3])
    writes.sent(3)
    let failed = writes.removeUnsent()
    #expect(failed.count == 3)
    #expect(zip(failed, promises.dropFirst()).allSatisfy { $0.futureResult === $1.futureResult })
    #expect(writes.bytes == 0)
    #expect(writes.inFlight == 0)
    #expect(popDone(&writes)??.futureResult === promises[0].futureResult)
    #expect(popDone(&writes) == nil)
    #expect(piece(&writes) == nil)
    for promise in promises { promise.succeed(()) }
  }

  @Test func afterGivingUpItBeginsAnew() {
    var writes = PendingWrites()
    _ = writes.add(bytes(2), nil)
    writes.flush()
    _ = piece(&writes)
    _ = writes.removeUnsent()
    _ = writes.add(bytes(7), nil)
    writes.flush()
    #expect(piece(&writes) == 7)
    writes.sent(7)
    #expect(takeDone(&writes) == 1)
  }

  @Test func aFileIsHandedOverInPiecesAndHoldsUpWhatIsBehindIt() {
    let file = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: -1)
    defer { _ = try? file.takeDescriptorOwnership() }
    let most = PendingWrites.largestFilePiece
    var writes = PendingWrites()
    _ = writes.add(.fileRegion(FileRegion(fileHandle: file, readerIndex: 7, endIndex: 7 + most + 10)), nil)
    _ = writes.add(bytes(3), nil)
    writes.flush()
    #expect(piece(&writes, fileBytes: 0) == nil)
    #expect(writes.hasUnhanded)
    guard case .file(let first, let count)? = writes.nextPiece(fileBytes: .max) else {
      Issue.record("no piece of a file")
      return
    }
    #expect(first.readerIndex == 7)
    #expect(count == most)
    guard case .file(let second, let rest)? = writes.nextPiece(fileBytes: .max) else {
      Issue.record("no second piece")
      return
    }
    #expect(second.readerIndex == 7 + most)
    #expect(rest == 10)
    #expect(piece(&writes) == 3)
    #expect(!writes.hasUnhanded)
    writes.sent(most + 9)
    #expect(takeDone(&writes) == 0)
    writes.sent(1)
    #expect(takeDone(&writes) == 1)
  }
}
