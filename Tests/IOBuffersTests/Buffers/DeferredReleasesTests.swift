import IOBuffers
import Testing

/// When the closures of foreign memory run. Each test has a thread of its own, because collecting is a thread's affair.
@Suite("Deferred releases", .timeLimit(.minutes(10)))
struct DeferredReleasesTests {
  @Test("a thread that has not begun runs closures at once")
  func notBegun() async {
    let log = Journal<Int>()
    await onThread {
      #expect(DeferredReleases.isEmpty)
      release { log.append(1) }
      #expect(log.entries == [1])
      DeferredReleases.run()
      DeferredReleases.end()
      #expect(log.entries == [1])
    }
  }

  @Test("a thread that has begun runs them when it is told to, in the order of the releases")
  func collected() async {
    let log = Journal<Int>()
    await onThread {
      DeferredReleases.begin()
      for number in 0..<5 { release { log.append(number) } }
      #expect(log.entries.isEmpty)
      #expect(!DeferredReleases.isEmpty)
      DeferredReleases.run()
      #expect(log.entries == [0, 1, 2, 3, 4])
      #expect(DeferredReleases.isEmpty)
      DeferredReleases.run()
      #expect(log.count == 5)
      DeferredReleases.end()
    }
  }

  @Test("the last view counts, not the owner")
  func lastView() async {
    let log = Journal<Int>()
    await onThread {
      DeferredReleases.begin()
      let view = Locker(foreign { log.append(1) })
      DeferredReleases.run()
      #expect(log.entries.isEmpty)
      view.empty()
      #expect(!DeferredReleases.isEmpty)
      #expect(log.entries.isEmpty)
      DeferredReleases.run()
      #expect(log.entries == [1])
      DeferredReleases.end()
    }
  }

  @Test("what closures release comes after what was there, and nothing runs inside of a closure")
  func nested() async {
    let log = Journal<String>()
    await onThread {
      DeferredReleases.begin()
      for name in ["a", "b"] {
        release {
          log.append("\(name) begins")
          release { log.append("released by \(name)") }
          // A closure that runs a turn of its own does not run others inside of itself.
          DeferredReleases.run()
          log.append("\(name) ends")
        }
      }
      DeferredReleases.run()
      #expect(
        log.entries == ["a begins", "a ends", "b begins", "b ends", "released by a", "released by b"]
      )
      #expect(DeferredReleases.isEmpty)
      DeferredReleases.end()
    }
  }

  @Test("closures that cause each other for ever do not keep the thread")
  func endless() async {
    let count = Counter()
    await onThread {
      DeferredReleases.begin()
      chain(count, upTo: 1000)
      for _ in 0..<10 { DeferredReleases.run() }
      // Each call runs what is there, and what that adds.
      #expect(count.value == 20)
      #expect(!DeferredReleases.isEmpty)
      DeferredReleases.end()
      // The end runs all there is, and what is added, and does not recurse.
      #expect(count.value == 1000)
    }
  }

  @Test("after the end closures run at once again")
  func ended() async {
    let log = Journal<Int>()
    await onThread {
      DeferredReleases.begin()
      DeferredReleases.begin()
      release { log.append(1) }
      DeferredReleases.end()
      #expect(log.entries == [1])
      #expect(DeferredReleases.isEmpty)
      release { log.append(2) }
      #expect(log.entries == [1, 2])
    }
  }

  @Test("a thread that ends without saying so has given everything back")
  func threadEnds() async {
    let log = Journal<Int>()
    await onThread {
      DeferredReleases.begin()
      release {
        log.append(1)
        release { log.append(2) }
      }
    }
    // The thread answers before it ends.
    #expect(await eventually { log.count == 2 })
    #expect(log.entries == [1, 2])
  }

  @Test("threads do not collect for each other")
  func otherThread() async {
    let log = Journal<Int>()
    let hasBegun = Counter()
    let isOver = Counter()
    async let collector: Void = onThread {
      DeferredReleases.begin()
      hasBegun.add()
      #expect(spin(until: { isOver.value == 1 }))
      #expect(DeferredReleases.isEmpty)
      DeferredReleases.end()
    }
    await onThread {
      #expect(spin(until: { hasBegun.value == 1 }))
      release { log.append(1) }
      #expect(log.entries == [1])
      isOver.add()
    }
    await collector
  }

  @Test("slots of an arena are not put off")
  func pooledSlots() async throws {
    let arena = try BufferArena(.small())
    await onThread {
      DeferredReleases.begin()
      _ = try? arena.buffer([1, 2, 3]).finish()
      #expect(DeferredReleases.isEmpty)
      #expect(arena.slotsOut == 0)
      DeferredReleases.end()
    }
  }
}

/// A reader that is the last hold on some memory; when it is gone, `body` is what the memory's owner wants done.
private func foreign(_ body: @escaping @Sendable () -> Void) -> ReadView? {
  let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
  unsafe memory.initializeMemory(as: UInt8.self, repeating: 7)
  let buffer = try? unsafe ForeignBuffer(adopting: memory) { memory in
    unsafe memory.deallocate()
    body()
  }
  return try? buffer?.readView()
}

/// Adopts memory and lets go of it.
private func release(_ body: @escaping @Sendable () -> Void) {
  _ = foreign(body)
}

/// A closure that releases the next memory, whose closure does the same.
private func chain(_ count: Counter, upTo limit: Int) {
  release {
    if count.add() < limit { chain(count, upTo: limit) }
  }
}
