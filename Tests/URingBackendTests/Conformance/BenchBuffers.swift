import SystemPackage

@testable import URingBackend

/// Provided buffers of a scenario, by hand: the scenario says when which one is posted.
@safe
final class BenchBuffers {
  let group: UInt16
  private let ring: Ring
  private let memory: BufferRingMemory
  // Why the pointer holds: `count` buffers of `bytes` each, from `init` to `deinit`, or for ever if the ring may still write.
  private let base: UnsafeMutableRawPointer
  private let count: Int
  private let bytes: Int
  private var offsets: [Int]
  private var tail: UInt16 = 0

  init(ring: Ring, group: UInt16, count: Int, bytes: Int, incremental: Bool) throws {
    guard let memory = BufferRingMemory(entries: count <= 16 ? 16 : 1024) else { throw Errno.noMemory }
    let result = memory.register(with: ring, group: group, incremental: incremental)
    guard result == 0 else { throw Errno(rawValue: -result) }
    self.memory = memory
    self.ring = ring
    self.group = group
    self.count = count
    self.bytes = bytes
    offsets = Array(repeating: 0, count: count)
    unsafe base = .allocate(byteCount: count * bytes, alignment: 64)
  }

  deinit {
    unsafe base.deallocate()
  }

  /// Gives buffers to the ring, in this order.
  func post(_ ids: [Int]) {
    for id in ids {
      offsets[id] = 0
      unsafe memory.set(tail, base: base + id * bytes, count: UInt32(bytes), id: UInt16(id))
      tail &+= 1
    }
    memory.publish(tail: tail)
  }

  /// The bytes that a completion delivered.
  func contents(of completion: Completion) -> [UInt8] {
    guard let id = completion.bufferID.map(Int.init), id < count, completion.result > 0 else { return [] }
    let start = offsets[id]
    let length = min(Int(completion.result), bytes - start)
    offsets[id] = start + length
    return unsafe Array(UnsafeRawBufferPointer(start: base + id * bytes + start, count: length))
  }

  func unregister() {
    _ = memory.unregister(from: ring, group: group)
  }
}
