import CLiburing
import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

/// Provided buffers with the kernel that the tests run on.
@Suite(.needsIOUring)
struct ProvidedBufferKernelTests {
  private static let group: UInt16 = 9

  private func arm(_ ring: Ring, _ pair: SocketPair, userData: UInt64) -> Bool {
    ring.features.has(.multishotReceive)
      ? ring.prepareReceiveMultishot(
        pair.ours.rawValue,
        group: Self.group,
        limit: 0,
        userData: userData
      )
      : ring.prepareReceiveOnce(
        pair.ours.rawValue,
        group: Self.group,
        length: 0,
        userData: userData
      )
  }

  @Test(arguments: KernelFeatures.variants)
  func connectionsThatShareARingReceiveTheirOwnBytes(without disabled: [KernelFeature]) throws {
    let ring = try Ring.kernel(entries: 32, completionEntries: 64, without: disabled)
    let arena = try BufferArena(BufferArena.Configuration(byteLimit: 1 << 20))
    let buffers = try ProvidedBufferRing(
      ring: ring,
      arena: arena,
      group: Self.group,
      slotBytes: 4096,
      entries: 32,
      initialSlots: 2
    )
    #expect(buffers.isIncremental == ring.features.has(.incrementalBuffers))
    buffers.replenish()
    let pairs = try (0..<8).map { _ in try SocketPair() }
    for (index, pair) in pairs.enumerated() { #expect(arm(ring, pair, userData: UInt64(index))) }

    var generator = Generator(state: 42)
    var sent = [[UInt8]](repeating: [], count: pairs.count)
    var received = sent
    var armed = [Bool](repeating: true, count: pairs.count)
    for _ in 0..<200 {
      let index = Int(generator.next() % UInt64(pairs.count))
      let bytes = (0..<Int(1 + generator.next() % 3000)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
      try pairs[index].send(bytes)
      sent[index] += bytes
      while received[index].count < sent[index].count {
        let completion = try #require(try ring.completion())
        let source = Int(completion.userData)
        armed[source] = completion.hasMore
        if let view = buffers.take(completion) {
          #expect(Int32(view.count) == completion.result)
          let reader = ReadView(view)
          reader.withBytes { bytes in
            for offset in 0..<bytes.byteCount { received[source].append(bytes.unsafeLoad(offset)) }
          }
        } else {
          #expect(completion.result == -Errno.noBufferSpace.rawValue)
          buffers.noteDry()
        }
        buffers.replenish()
        for (index, pair) in pairs.enumerated() where !armed[index] {
          armed[index] = arm(ring, pair, userData: UInt64(index))
        }
      }
    }
    #expect(received == sent)
    #expect(buffers.statistics.takenBytes == UInt64(sent.reduce(0) { $0 + $1.count }))
    try end(ring, pairs, armed, buffers)
    #expect(arena.statistics.slotsOut == 0 && buffers.statistics.rejected == 0)
  }

  @Test func anEmptyRingParksAReceiveThatPollsFirstAndKeepsTheBytes() throws {
    let ring = try Ring.kernel()
    let arena = try BufferArena()
    let buffers = try ProvidedBufferRing(
      ring: ring,
      arena: arena,
      group: Self.group,
      slotBytes: 1024,
      entries: 4,
      initialSlots: 1
    )
    let pair = try SocketPair()
    // Nothing is posted: a receive fails at once. The bytes stay in the socket,
    try pair.send([1, 2, 3])
    #expect(arm(ring, pair, userData: 1))
    let dry = try #require(try ring.completion())
    #expect(dry.result == -Errno.noBufferSpace.rawValue && !dry.hasMore)
    buffers.noteDry()
    // ... and come once there is one.
    #expect(buffers.replenish() > 0)
    #expect(arm(ring, pair, userData: 3))
    let completion = try #require(try ring.completion())
    let view = try #require(buffers.take(completion))
    #expect(view.count == 3)
    view.releaseReader()
    try end(ring, [pair], [completion.hasMore], buffers)
  }

  @Test func theEndOfAStreamAndAResetTakeNoSlotWithThem() throws {
    let ring = try Ring.kernel()
    let arena = try BufferArena()
    let buffers = try ProvidedBufferRing(
      ring: ring,
      arena: arena,
      group: Self.group,
      slotBytes: 1024,
      entries: 4,
      initialSlots: 4
    )
    buffers.replenish()
    for _ in 0..<20 {
      let pair = try SocketPair()
      #expect(arm(ring, pair, userData: 1))
      try pair.send([1])
      let data = try #require(try ring.completion())
      try #require(buffers.take(data)).releaseReader()
      try pair.shutDownPeer()
      let end = try #require(try ring.completion())
      #expect(end.result == 0 && !end.hasMore)
      #expect(buffers.take(end) == nil)
      buffers.replenish()
      #expect(buffers.postedSlots == 4 && arena.statistics.slotsOut == 4)
    }
    buffers.close()
    #expect(arena.statistics.slotsOut == 0)
  }

  @Test func theGroupCanBeRegisteredAgainAfterClosing() throws {
    let ring = try Ring.kernel()
    let arena = try BufferArena()
    for entries in [4, 8, 2] {
      let buffers = try ProvidedBufferRing(
        ring: ring,
        arena: arena,
        group: Self.group,
        slotBytes: 1024,
        entries: entries,
        initialSlots: 2
      )
      buffers.replenish()
      let error = #expect(throws: RingError.self) {
        try ProvidedBufferRing(
          ring: ring,
          arena: arena,
          group: Self.group,
          slotBytes: 1024,
          entries: 4,
          initialSlots: 2
        )
      }
      #expect(error?.reason == .system(.fileExists))
      buffers.close()
    }
    #expect(arena.statistics.slotsOut == 0)
  }

  /// Ends what is armed, reaps all of it, and closes.
  private func end(_ ring: Ring, _ pairs: [SocketPair], _ armed: [Bool], _ buffers: ProvidedBufferRing) throws {
    var open = 0
    for (pair, isArmed) in zip(pairs, armed) where isArmed {
      try pair.shutDownPeer()
      open += 1
    }
    while open > 0 {
      let completion = try #require(try ring.completion())
      #expect(buffers.take(completion) == nil)
      if !completion.hasMore { open -= 1 }
    }
    buffers.close()
  }
}

/// Pseudo-random numbers that are the same in every run: splitmix64.
private struct Generator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension RawSpan {
  fileprivate func unsafeLoad(_ offset: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }
}
