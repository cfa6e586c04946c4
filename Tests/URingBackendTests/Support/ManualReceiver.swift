import CLiburing
import SystemPackage
import Testing

@testable import URingBackend

/// Receives with a provided-buffer ring of its own, by hand: the rules of io_uring_provided_buffers(7) with nothing of
/// `ProvidedBufferRing` in between, whichever features the ring has.
@safe
final class ManualReceiver {
  static let slotBytes = 256
  private static let slots = 64
  private static let group: UInt16 = 40

  private(set) var received: [UInt8] = []
  /// Two completions came out of one buffer.
  private(set) var sharedABuffer = false
  /// The operation ended and was submitted again.
  private(set) var rearmed = false

  private let ring: Ring
  private let descriptor: Int32
  private let limit: UInt32
  private let memory: BufferRingMemory
  private let base: UnsafeMutableRawPointer
  private var offsets = [Int](repeating: 0, count: slots)
  private var isArmed = false

  init(ring: Ring, descriptor: Int32, limit: UInt32 = 0, arm: Bool = true) throws {
    self.ring = ring
    self.descriptor = descriptor
    self.limit = limit
    guard let memory = BufferRingMemory(entries: Self.slots) else { throw Errno.noMemory }
    unsafe base = .allocate(byteCount: Self.slots * Self.slotBytes, alignment: 64)
    let result = memory.register(with: ring, group: Self.group, incremental: ring.features.has(.incrementalBuffers))
    #expect(result == 0)
    for id in 0..<Self.slots {
      unsafe memory.set(
        UInt16(id),
        base: base + id * Self.slotBytes,
        count: UInt32(Self.slotBytes),
        id: UInt16(id)
      )
    }
    memory.publish(tail: UInt16(Self.slots))
    self.memory = memory
    if arm { #expect(self.arm()) }
  }

  deinit {
    #expect(memory.unregister(from: ring, group: Self.group) == 0)
    unsafe base.deallocate()
  }

  func arm() -> Bool {
    isArmed =
      ring.features.has(.multishotReceive)
      ? ring.prepareReceiveMultishot(descriptor, group: Self.group, limit: limit, userData: 1)
      : ring.prepareReceiveOnce(descriptor, group: Self.group, length: 0, userData: 1)
    return isArmed
  }

  func receive(untilTotal total: Int) throws {
    while received.count < total {
      if !isArmed {
        rearmed = true
        #expect(arm())
      }
      let completion = try #require(try ring.completion())
      try #require(completion.result > 0)
      take(completion)
    }
  }

  /// Receives until the operation ends by itself; how many bytes came.
  func receiveUntilItEnds() throws -> Int {
    while isArmed { take(try #require(try ring.completion())) }
    return received.count
  }

  /// Closes the sending side and waits for the operation to see it.
  func end(by pair: SocketPair) throws {
    _ = pair.peer
    #expect(ring.prepareCancelAll(descriptor, userData: 2))
    while let completion = try ring.completion() {
      if completion.userData == 2 { break }
    }
  }

  private func take(_ completion: Completion) {
    isArmed = completion.hasMore
    guard completion.result > 0, let id = completion.bufferID.map(Int.init), id < Self.slots else { return }
    let start = unsafe base + id * Self.slotBytes + offsets[id]
    unsafe received += Array(UnsafeRawBufferPointer(start: start, count: Int(completion.result)))
    if offsets[id] > 0 { sharedABuffer = true }
    offsets[id] += Int(completion.result)
  }
}
