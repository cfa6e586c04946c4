@testable import IOBuffers
@testable import URingBackend

/// The rings that are shared with the kernel.
enum RingBenchmarks {
  static let all: [Benchmark] = [
    Benchmark(name: "ring: nop, submit and reap, batch of 1") { try nop(1, $0) },
    Benchmark(name: "ring: nop, submit and reap, batch of 32") { try nop(32, $0) },
    Benchmark(name: "buffer ring: post, take, return, batch of 1") { try provide(1, $0) },
    Benchmark(name: "buffer ring: post, take, return, batch of 32") { try provide(32, $0) },
  ]

  /// One operation is one nop; a batch shares one io_uring_enter.
  private static func nop(_ batch: Int, _ operations: Int) throws -> UInt64 {
    let ring = try makeRing()
    defer { ring.close() }
    return try StopWatch.time {
      for _ in 0..<operations / batch {
        for index in 0..<batch where !ring.prepareNop(userData: UInt64(index)) { throw RingFull() }
        try ring.enter(waitFor: UInt32(batch), timeoutNanoseconds: nil)
        var reaped = 0
        while let completion = ring.nextCompletion() {
          BlackHole.take(Int(truncatingIfNeeded: completion.userData))
          reaped += 1
        }
        guard reaped == batch else { throw RingFull() }
      }
    }
  }

  /// What a message costs in a buffer ring that is not incremental: the kernel's part (taking the slot, writing to it) is
  /// left out by making its completion up, so this is user space only. One tail advance for each batch.
  private static func provide(_ batch: Int, _ operations: Int) throws -> UInt64 {
    let ring = try makeRing()
    defer { ring.close() }
    let arena = try BufferArena()
    let buffers = try ProvidedBufferRing(
      ring: ring,
      arena: arena,
      group: 1,
      slotBytes: 4096,
      entries: 64,
      initialSlots: batch
    )
    defer { buffers.close() }
    guard buffers.replenish() == batch else { throw RingFull() }
    return try StopWatch.time {
      for _ in 0..<operations / batch {
        for id in 0..<UInt32(batch) {
          // IORING_CQE_F_BUFFER, and the id above it: the slot's last completion. The ids are the lowest, again and again.
          let completion = Completion(userData: 0, result: 64, flags: 1 | id << 16)
          guard let view = buffers.take(completion) else { throw RingFull() }
          BlackHole.take(Int(view.count))
          view.releaseReader()
        }
        guard buffers.replenish() == batch else { throw RingFull() }
      }
    }
  }

  private static func makeRing() throws -> Ring {
    let features = try KernelFeatures.probe()
    return Ring(driver: try KernelDriver(entries: 64, completionEntries: 128, features: features))
  }
}

/// The ring did not do what the benchmark takes for granted, so its figure would be worth nothing.
struct RingFull: Error, CustomStringConvertible {
  var description: String { "the ring did not take or give back everything" }
}
