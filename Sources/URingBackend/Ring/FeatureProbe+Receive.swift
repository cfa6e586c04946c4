import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension FeatureProbe {
  /// Provided buffers, incremental ones, and the ways to receive into them.
  func probeReceive() throws(RingError) {
    guard let memory = BufferRingMemory(entries: Self.slots) else {
      throw RingError(reason: .outOfMemory, operation: "mmap", errno: .noMemory)
    }
    // The kernel writes to them when a receive takes a buffer of the group, which it does in a system call of this thread.
    // Unregistered below, before they go, the group has none to take.
    let slots = UnsafeMutableRawPointer.allocate(byteCount: Self.slots * Self.slotBytes, alignment: Self.slotBytes)
    defer {
      _ = memory.unregister(from: ring, group: Self.group)
      unsafe slots.deallocate()
    }

    var result = memory.register(with: ring, group: Self.group, incremental: true)
    let isIncremental = result == 0
    if !isIncremental {
      features.record(.incrementalBuffers, error: -result)
      result = memory.register(with: ring, group: Self.group, incremental: false)
    }
    guard result == 0 else {
      throw RingError.diagnose(errno: -result, operation: "io_uring_register (IORING_REGISTER_PBUF_RING)")
    }
    for id in 0..<Self.slots {
      // Inside of `slots`, each its own part.
      unsafe memory.set(
        UInt16(id),
        base: slots + id * Self.slotBytes,
        count: UInt32(Self.slotBytes),
        id: UInt16(id)
      )
    }
    memory.publish(tail: UInt16(Self.slots))

    let multishot = try receiveTwice(multishot: true)
    features.record(.multishotReceive, error: multishot.error)
    if isIncremental { features.record(.incrementalBuffers, error: try fillIncrementally(multishot)) }
    features.record(
      .receiveLimit,
      error: multishot.error == 0 ? try receiveLimited() : EOPNOTSUPP
    )
  }

  /// 0 if a buffer is filled by several receives and their completions come in the order of its bytes, else an errno
  /// value.
  private func fillIncrementally(
    _ multishot: (error: Int32, filledOneBuffer: Bool)
  ) throws(RingError) -> Int32 {
    let outcome = multishot.error == 0 ? multishot : try receiveTwice(multishot: false)
    guard outcome.filledOneBuffer else { return outcome.error == 0 ? EOPNOTSUPP : outcome.error }
    return multishot.error == 0 ? try receiveInOrder() : 0
  }

  /// 0 if completions come in the order in which their receives ran; ENOTSUP if not.
  ///
  /// Where a buffer's bytes begin is known from the completions before it alone. Kernels before 6.15 that lack a fix
  /// ("ensure deferred completions are posted for multishot") hold the completion of a one-shot receive back to the end
  /// of a batch, and so let a multishot's overtake it: offsets would be wrong, silently.
  private func receiveInOrder() throws(RingError) -> Int32 {
    let (first, firstPeer) = try makePair()
    let (second, secondPeer) = try makePair()
    try write(8, to: firstPeer)
    try write(8, to: secondPeer)
    let (once, multishot) = (makeUserData(), makeUserData())
    _ = ring.prepareReceiveOnce(first.rawValue, group: Self.group, length: 0, userData: once)
    _ = ring.prepareReceiveMultishot(
      second.rawValue,
      group: Self.group,
      limit: 0,
      userData: multishot
    )
    let order = try (completion(of: [once, multishot]), completion(of: [once, multishot]))
    try endOperation(multishot, on: second)
    return order.0?.userData == once && order.1?.userData == multishot ? 0 : EOPNOTSUPP
  }

  /// Sends and receives twice. `error` is 0 if the (multishot) receive delivered both and stayed armed;
  /// `filledOneBuffer` if the second piece landed in the buffer of the first.
  private func receiveTwice(multishot: Bool) throws(RingError) -> (error: Int32, filledOneBuffer: Bool) {
    let (ours, peer) = try makePair()
    let userData = makeUserData()
    var first: UInt16?
    var outcome: (error: Int32, filledOneBuffer: Bool) = (0, false)
    var isArmed = false
    for _ in 0..<2 where outcome.error == 0 {
      try write(8, to: peer)
      if !isArmed { isArmed = arm(ours, multishot: multishot, userData: userData) }
      guard let completion = try completion(of: userData) else {
        outcome.error = ETIME
        break
      }
      isArmed = completion.hasMore
      if completion.result == 8, let id = completion.bufferID, completion.hasMore == multishot {
        outcome.filledOneBuffer = first == id && completion.bufferHasMore
        first = id
      } else {
        outcome.error = completion.result < 0 ? -completion.result : EOPNOTSUPP
      }
    }
    if isArmed { try endOperation(userData, on: ours) }
    return outcome
  }

  private func arm(_ socket: FileDescriptor, multishot: Bool, userData: UInt64) -> Bool {
    multishot
      ? ring.prepareReceiveMultishot(
        socket.rawValue,
        group: Self.group,
        limit: 0,
        userData: userData
      )
      : ring.prepareReceiveOnce(socket.rawValue, group: Self.group, length: 0, userData: userData)
  }

  /// 0 if a multishot receive with a limit ended by itself behind it, else an errno value.
  private func receiveLimited() throws(RingError) -> Int32 {
    let (ours, peer) = try makePair()
    try write(8, to: peer)
    let userData = makeUserData()
    _ = ring.prepareReceiveMultishot(ours.rawValue, group: Self.group, limit: 4, userData: userData)
    while let completion = try completion(of: userData) {
      if completion.result < 0 { return -completion.result }
      if !completion.hasMore { return 0 }
      if completion.result == 8 {
        // All the data came, and the operation still waits: the limit was ignored.
        try endOperation(userData, on: ours)
        return EOPNOTSUPP
      }
    }
    return ETIME
  }
}
