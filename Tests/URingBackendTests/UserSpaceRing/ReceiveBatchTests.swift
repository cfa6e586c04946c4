import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

/// How much a call of the ring in user space receives before what it has received is dealt with.
struct ReceiveBatchTests {
  private static let group: UInt16 = 9
  private static let message = 64 << 10
  private static let all = 8 * message

  private struct Scene {
    let ring: Ring
    let arena: BufferArena
    let buffers: ProvidedBufferRing
    let pairs: [SocketPair]

    /// Eight sockets with a standing receive, and messages for each.
    init(slotBytes: Int = 256 << 10, messages: Int = 1) throws {
      ring = Ring(driver: try ReadinessDriver(entries: 32, completionEntries: 64))
      arena = try BufferArena(BufferArena.Configuration(byteLimit: 8 << 20))
      buffers = try ProvidedBufferRing(
        ring: ring,
        arena: arena,
        group: group,
        slotBytes: slotBytes,
        entries: 32,
        initialSlots: messages * all / slotBytes
      )
      buffers.replenish()
      pairs = try (0..<8).map { _ in try SocketPair() }
      for (index, pair) in pairs.enumerated() {
        #expect(ring.prepareReceiveMultishot(pair.ours.rawValue, group: group, limit: 0, userData: UInt64(index)))
      }
      try ring.enter(waitFor: 0, timeoutNanoseconds: nil)
      for pair in pairs { try pair.send([UInt8](repeating: 1, count: messages * message)) }
    }

    /// Takes what the last call brought; how many bytes that was.
    func received() -> Int {
      var count = 0
      while let completion = ring.nextCompletion() {
        count += max(0, Int(completion.result))
        buffers.take(completion)?.releaseReader()
      }
      return count
    }

    func close() {
      buffers.close()
      ring.close()
    }
  }

  @Test func aCallThatHasABatchLeavesTheRestToTheNextOnes() throws {
    let scene = try Scene()
    defer { scene.close() }
    try scene.ring.enter(waitFor: 1, timeoutNanoseconds: 1_000_000_000)
    var total = scene.received()
    #expect(total == UserSpaceRing<EpollSystem>.batch)
    var calls = 1
    while total < Self.all, calls < 16 {
      try scene.ring.enter(waitFor: 1, timeoutNanoseconds: 1_000_000_000)
      total += scene.received()
      calls += 1
    }
    // Nothing of what was left is reported again: the ring itself remembers it.
    #expect(total == Self.all)
  }

  @Test func whoWaitsForAllThatIsReadyGetsAllOfIt() throws {
    let scene = try Scene()
    defer { scene.close() }
    try scene.ring.enterForAllThatIsReady()
    #expect(scene.received() == Self.all)
  }

  @Test func whereAReceiveLeavesBytesBehindTheOthersAreNotPutOff() throws {
    // A slot takes one of two messages, so each first receive leaves the other one.
    let scene = try Scene(slotBytes: Self.message, messages: 2)
    defer { scene.close() }
    try scene.ring.enter(waitFor: 1, timeoutNanoseconds: 1_000_000_000)
    #expect(scene.received() == 2 * Self.all)
  }
}
