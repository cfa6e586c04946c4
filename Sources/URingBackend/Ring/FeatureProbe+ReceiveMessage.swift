import CLiburing
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension FeatureProbe {
  /// One submission that receives several datagrams. Never fails: what goes wrong is why the feature is not there.
  func probeReceiveMessage() throws(RingError) {
    guard let memory = BufferRingMemory(entries: Self.slots) else {
      throw RingError(reason: .outOfMemory, operation: "mmap", errno: .noMemory)
    }
    // As in `probeReceive`: unregistered below, before they go.
    let slots = UnsafeMutableRawPointer.allocate(byteCount: Self.slots * Self.slotBytes, alignment: Self.slotBytes)
    let header = UnsafeMutablePointer<msghdr>.allocate(capacity: 1)
    defer {
      _ = memory.unregister(from: ring, group: Self.messageGroup)
      unsafe slots.deallocate()
      unsafe header.deallocate()
    }
    unsafe header.initialize(to: msghdr())
    let result = memory.register(with: ring, group: Self.messageGroup, incremental: false)
    guard result == 0 else { return features.record(.multishotReceiveMessage, error: -result) }
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
    features.record(.multishotReceiveMessage, error: try unsafe receiveMessages(header))
  }

  /// 0 if two datagrams came whole, each behind a header, and the receive stayed armed; else an errno value.
  private func receiveMessages(_ header: UnsafePointer<msghdr>) throws(RingError) -> Int32 {
    let (ours, peer) = try makePair(ofDatagrams: true)
    let userData = makeUserData()
    _ = unsafe ring.prepareReceiveMessages(
      ours.rawValue,
      header: header,
      group: Self.messageGroup,
      flags: 0,
      userData: userData
    )
    for _ in 0..<2 {
      try write(8, to: peer)
      guard let completion = try completion(of: userData) else { return ETIME }
      guard completion.result == Int32(MessageHeader.bytes) + 8, completion.hasBuffer, completion.hasMore else {
        return completion.result < 0 ? -completion.result : EOPNOTSUPP
      }
    }
    try endOperation(userData, on: ours)
    return 0
  }

  private static var messageGroup: UInt16 { 1 }
}
