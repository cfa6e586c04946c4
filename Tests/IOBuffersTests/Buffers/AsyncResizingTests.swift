import IOBuffers
import Testing

@Suite("Resizing as soon as no view is out", .timeLimit(.minutes(10)))
struct AsyncResizingTests {
  @Test("an unlocked buffer is resized at once")
  func immediate() async throws {
    let arena = try BufferArena(.small())
    var buffer = try arena.buffer(pattern(10))
    try await buffer.resizeWhenUnlocked(to: 300)
    #expect(buffer.count == 300)
    #expect(try buffer.readView(of: 0..<10).array() == pattern(10))
  }

  @Test("waits for the last of many views, of both modes, wherever they are released")
  func waitsForTheLast() async throws {
    let arena = try BufferArena(.small())
    for round in 0..<20 {
      var buffer = try arena.buffer(pattern(10))
      var writer = try buffer.writeView()
      let rest = try writer.split(at: 5)
      let frozen = rest.freeze()
      let shared = try frozen.share()
      let views = [Locker(frozen), Locker(shared)]
      let writers = Locker(writer)
      let isLast = Counter()
      let slot = try #require(views[0].slot)
      async let releases: Void = {
        // The owner must be asleep, or the test would not see it wake too early.
        _ = await eventually { slot.lockWord.hasWaiter }
        for number in round.isMultiple(of: 2) ? [0, 1] : [1, 0] {
          views[number].empty()
          await Task.yield()
        }
        isLast.add()
        await onThread { writers.empty() }
      }()
      try await buffer.resizeWhenUnlocked(to: 5000)
      #expect(isLast.value == 1)
      await releases
      #expect(buffer.count == 5000)
      #expect(try buffer.readView(of: 0..<10).array() == pattern(10))
    }
    #expect(arena.statistics.slotsOut == 0)
  }

  @Test("cancelling ends the wait; the buffer is unchanged and works on")
  func cancellation() async throws {
    let arena = try BufferArena(.small())
    let place = Locker<ReadView>()
    let task = Task {
      var buffer = try arena.buffer(pattern(10))
      place.put(try buffer.readView())
      let error = await failure { try await buffer.resizeWhenUnlocked(to: 20) }
      #expect(error == .cancelled)
      #expect(buffer.count == 10)
      // Nothing is left of the wait.
      #expect(place.slot?.lockWord == LockWord(LockWord.owner | LockWord.oneReader))
      #expect(failure { try buffer.resize(to: 20) } == .locked(LockReport(readers: 1, writers: 0)))
      place.empty()
      try buffer.resize(to: 20)
      try await buffer.resizeWhenUnlocked(to: 30)
      return buffer.count
    }
    #expect(await eventually { place.slot?.lockWord.hasWaiter == true })
    task.cancel()
    #expect(try await task.value == 30)
    #expect(arena.statistics.slotsOut == 0)
  }

  @Test("a task that is cancelled before it waits does not wait")
  func cancelledBefore() async throws {
    let arena = try BufferArena(.small())
    let isCancelled = Counter()
    let task = Task {
      while isCancelled.value == 0 { await Task.yield() }
      var buffer = try arena.buffer(pattern(10))
      let view = try buffer.readView()
      let error = await failure { try await buffer.resizeWhenUnlocked(to: 20) }
      view.release()
      return error
    }
    task.cancel()
    isCancelled.add()
    #expect(try await task.value == .cancelled)
  }

  @Test("nothing is left of a wait that is over")
  func cleanWord() async throws {
    let arena = try BufferArena(.small([256]))
    var buffer = try arena.buffer(pattern(10))
    let view = Locker(try buffer.readView())
    let slot = try #require(view.slot)
    async let release: Bool = {
      let isAsleep = await eventually { slot.lockWord.hasWaiter }
      view.empty()
      return isAsleep
    }()
    try await buffer.resizeWhenUnlocked(to: 200)
    #expect(await release)
    #expect(slot.lockWord == LockWord(LockWord.owner))
    #expect(buffer.count == 200)
  }

  @Test("a cancellation and the last release at the same time: one outcome, nothing lost")
  func cancellationAgainstRelease() async throws {
    let arena = try BufferArena(.small())
    var outcomes: Set<Bool> = []
    for round in 0..<Settings.repetitions(400) {
      let place = Locker<ReadView>()
      let task = Task {
        var buffer = try arena.buffer(pattern(10))
        place.put(try buffer.readView())
        let error = await failure { try await buffer.resizeWhenUnlocked(to: 20) }
        #expect(error == nil || error == .cancelled)
        #expect(buffer.count == (error == nil ? 20 : 10))
        // Either way the owner works on.
        try buffer.resizeAfterRelease(place)
        return error == nil
      }
      #expect(await eventually { place.slot?.lockWord.hasWaiter == true })
      async let release: Void = place.empty()
      if round.isMultiple(of: 3) { await Task.yield() }
      task.cancel()
      await release
      outcomes.insert(try await task.value)
    }
    #expect(arena.statistics.slotsOut == 0)
    #expect(!outcomes.isEmpty)
  }

  @Test("waiting does not save from a full arena")
  func limit() async throws {
    let arena = try BufferArena(.small([4096], byteLimit: 4096))
    var buffer = try arena.buffer(pattern(10))
    let view = Locker(try buffer.readView())
    async let release: Void = view.empty()
    let error = await failure { try await buffer.resizeWhenUnlocked(to: 10_000) }
    await release
    guard case .limitReached = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try buffer.readView().array() == pattern(10))
  }

  @Test("many owners wait at the same time, each for its own views")
  func manyOwners() async throws {
    let arena = try BufferArena(.small([256]))
    let places = (0..<30).map { _ in Locker<ReadView>() }
    let resized = Journal<Int>()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in places.indices {
        group.addTask {
          var buffer = try arena.buffer(pattern(10, seed: number))
          places[number].put(try buffer.readView())
          try await buffer.resizeWhenUnlocked(to: 11)
          resized.append(number)
          let view = try buffer.readView()
          #expect(view.array() == pattern(10, seed: number) + [0])
        }
      }
      #expect(await eventually { places.allSatisfy { $0.slot?.lockWord.hasWaiter == true } })
      for (turn, number) in places.indices.reversed().enumerated() {
        #expect(resized.count == turn)
        places[number].empty()
        #expect(await eventually { resized.count == turn + 1 })
        #expect(resized.entries.last == number)
      }
      try await group.waitForAll()
    }
    #expect(arena.statistics.slotsOut == 0)
  }
}

extension PooledBuffer {
  fileprivate mutating func resizeAfterRelease(_ place: Locker<ReadView>) throws {
    place.empty()
    // The other task may be in the middle of its release.
    while try failureOfResize() {}
  }

  private mutating func failureOfResize() throws -> Bool {
    do throws(BufferError) {
      try resize(to: 40)
      return false
    } catch {
      guard case .locked = error else { throw error }
      return true
    }
  }
}
