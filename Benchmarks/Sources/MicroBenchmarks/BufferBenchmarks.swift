import IOBuffers

/// The pool and its locks.
enum BufferBenchmarks {
  static let all: [Benchmark] = [
    Benchmark(name: "buffer: allocate, release (64 B)") { try allocate(64, $0) },
    Benchmark(name: "buffer: allocate, release (64 KiB)") { try allocate(64 << 10, $0) },
    Benchmark(name: "view: take a reader, release") { operations in
      let arena = try BufferArena()
      let buffer = try small(arena)
      return try StopWatch.time {
        for _ in 0..<operations {
          let view = try buffer.readView()
          BlackHole.take(view.count)
          view.release()
        }
      }
    },
    Benchmark(name: "view: take a writer, release") { operations in
      let arena = try BufferArena()
      let buffer = try small(arena)
      return try StopWatch.time {
        for _ in 0..<operations {
          let view = try buffer.writeView()
          BlackHole.take(view.count)
          view.release()
        }
      }
    },
    Benchmark(name: "view: share a reader, release") { operations in
      let arena = try BufferArena()
      let buffer = try small(arena)
      let view = try buffer.readView()
      return try StopWatch.time {
        for _ in 0..<operations {
          let other = try view.share()
          BlackHole.take(other.count)
          other.release()
        }
      }
    },
    Benchmark(name: "view: release the last one, same thread") { try releaseViews($0, elsewhere: false) },
    Benchmark(name: "view: release the last one, another thread") { try releaseViews($0, elsewhere: true) },
  ]

  private static func small(_ arena: BufferArena) throws -> PooledBuffer {
    var buffer = try arena.allocate(minimumCapacity: 64)
    try buffer.append(UInt64(1))
    return buffer
  }

  private static func allocate(_ bytes: Int, _ operations: Int) throws -> UInt64 {
    let arena = try BufferArena()
    return try StopWatch.time {
      for _ in 0..<operations {
        let buffer = try arena.allocate(minimumCapacity: bytes)
        BlackHole.take(buffer.capacity)
      }
    }
  }

  /// Releases readers that are the last holders of their slots, so that each release sends a slot home. Only the releases
  /// are timed: on this thread, or on a second one that did not take them.
  private static func releaseViews(_ operations: Int, elsewhere: Bool) throws -> UInt64 {
    let arena = try BufferArena()
    let worker = elsewhere ? try Worker() : nil
    defer { worker?.stop() }
    var time: UInt64 = 0
    var left = operations
    while left > 0 {
      let batch = ViewBatch(capacity: min(left, 1024))
      while !batch.isFull {
        let buffer = try small(arena)
        batch.append(try buffer.readView())
        // The owner goes here: the view is the last holder.
      }
      if let worker {
        time += worker.run { batch.releaseAll() }
      } else {
        time += batch.releaseAll()
      }
      left -= batch.capacity
    }
    return time
  }
}
