import IOBuffers
import Testing

/// When the closures of foreign memory run. Each test has a thread of its own, because collecting is a thread's affair;
/// what it sees is looked at by the test.
@Suite("Deferred releases", .timeLimit(.minutes(10)))
struct DeferredReleasesTests {
  @Test("a thread that has not begun runs closures at once")
  func notBegun() async {
    let journal = await onThread {
      let journal = Journal<String>()
      release { journal.append("run") }
      journal.append("released, \(DeferredReleases.isEmpty ? "empty" : "collected")")
      DeferredReleases.run()
      DeferredReleases.end()
      return journal
    }
    #expect(journal.entries == ["run", "released, empty"])
  }

  @Test("a thread that has begun runs them when it is told to, in the order of the releases")
  func collected() async {
    let journal = await onThread {
      let journal = Journal<String>()
      DeferredReleases.begin()
      for number in 0..<3 { release { journal.append("run \(number)") } }
      journal.append("released, \(DeferredReleases.isEmpty ? "empty" : "collected")")
      DeferredReleases.run()
      journal.append(DeferredReleases.isEmpty ? "empty" : "collected")
      DeferredReleases.run()
      DeferredReleases.end()
      return journal
    }
    #expect(journal.entries == ["released, collected", "run 0", "run 1", "run 2", "empty"])
  }

  @Test("the last view counts, not the owner")
  func lastView() async {
    let journal = await onThread {
      let journal = Journal<String>()
      DeferredReleases.begin()
      let view = Locker(foreign { journal.append("run") })
      journal.append(DeferredReleases.isEmpty ? "empty" : "collected")
      view.empty()
      journal.append(DeferredReleases.isEmpty ? "empty" : "collected")
      DeferredReleases.run()
      DeferredReleases.end()
      return journal
    }
    #expect(journal.entries == ["empty", "collected", "run"])
  }

  @Test("what closures release comes after what was there, and nothing runs inside of a closure")
  func nested() async {
    let journal = await onThread {
      let journal = Journal<String>()
      DeferredReleases.begin()
      for name in ["a", "b"] {
        release {
          journal.append("\(name) begins")
          release { journal.append("released by \(name)") }
          // A closure that runs a turn of its own does not run others inside of itself.
          DeferredReleases.run()
          journal.append("\(name) ends")
        }
      }
      DeferredReleases.run()
      journal.append(DeferredReleases.isEmpty ? "empty" : "collected")
      DeferredReleases.end()
      return journal
    }
    #expect(
      journal.entries == ["a begins", "a ends", "b begins", "b ends", "released by a", "released by b", "empty"]
    )
  }

  @Test("closures that cause each other for ever do not keep the thread, and do not recurse")
  func endless() async {
    let counts = await onThread {
      let count = Counter()
      DeferredReleases.begin()
      chain(count, upTo: 100_000)
      // Each call runs what is there, and what that adds.
      for _ in 0..<10 { DeferredReleases.run() }
      let counts = [count.value, DeferredReleases.isEmpty ? 0 : 1]
      // The end runs all there is, and all that is added.
      DeferredReleases.end()
      return counts + [count.value]
    }
    #expect(counts == [20, 1, 100_000])
  }

  @Test("after the end closures run at once again")
  func ended() async {
    let journal = await onThread {
      let journal = Journal<String>()
      DeferredReleases.begin()
      DeferredReleases.begin()
      release { journal.append("run 1") }
      journal.append("released")
      DeferredReleases.end()
      journal.append(DeferredReleases.isEmpty ? "empty" : "collected")
      release { journal.append("run 2") }
      journal.append("released")
      return journal
    }
    #expect(journal.entries == ["released", "run 1", "empty", "run 2", "released"])
  }

  @Test("a thread that ends without saying so has given everything back")
  func threadEnds() async {
    let journal = Journal<String>()
    await onThread {
      DeferredReleases.begin()
      release {
        journal.append("run")
        release { journal.append("released by it") }
      }
      journal.append("over")
    }
    // The thread answers before it ends.
    #expect(await eventually { journal.count == 3 })
    #expect(journal.entries == ["over", "run", "released by it"])
  }

  @Test("threads do not collect for each other")
  func otherThread() async {
    let journal = Journal<String>()
    let hasBegun = Counter()
    let isOver = Counter()
    async let collector = onThread {
      DeferredReleases.begin()
      hasBegun.add()
      let wasTold = spin(until: { isOver.value == 1 })
      let isEmpty = DeferredReleases.isEmpty
      DeferredReleases.end()
      return wasTold && isEmpty
    }
    await onThread {
      guard spin(until: { hasBegun.value == 1 }) else { return }
      release { journal.append("run") }
      journal.append("released")
      isOver.add()
    }
    #expect(await collector)
    #expect(journal.entries == ["run", "released"])
  }

  @Test("slots of an arena are not put off")
  func pooledSlots() async throws {
    let arena = try BufferArena(.small())
    let isEmpty = await onThread {
      DeferredReleases.begin()
      defer { DeferredReleases.end() }
      _ = try? arena.buffer([1, 2, 3]).finish()
      return DeferredReleases.isEmpty && arena.slotsOut == 0
    }
    #expect(isEmpty)
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
