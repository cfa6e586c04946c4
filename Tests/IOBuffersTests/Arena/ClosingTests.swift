import IOBuffers
import Testing

@Suite("Closing", .timeLimit(.minutes(10)))
struct ClosingTests {
  @Test("a closed arena lends nothing, what is lent stays good")
  func close() async throws {
    let arena = try BufferArena(.small())
    var buffer = try arena.buffer(pattern(10))
    let view = try buffer.readView()
    arena.close()
    arena.close()
    #expect(failure { try arena.allocate(minimumCapacity: 1) } == .closed)
    #expect(failure { try unsafe arena.allocate(copying: pattern(3).span.bytes) } == .closed)
    #expect(await failure { try await arena.allocateWhenAvailable(minimumCapacity: 1) } == .closed)
    #expect(view.array() == pattern(10))
    let another = try buffer.readView()
    #expect(another.array() == pattern(10))
    another.release()
    view.release()
    // Within its slot the buffer still works; a larger slot cannot be had.
    try buffer.append(7 as UInt8)
    #expect(failure { try buffer.resize(to: 10_000) } == .closed)
    #expect(try buffer.readView().array() == pattern(10) + [7])
  }

  @Test("everything home: a complete report, at once")
  func complete() async throws {
    let arena = try BufferArena(.small())
    let buffer = try arena.buffer([1])
    _ = consume buffer
    let report = await arena.close(waitingUntil: .now + .seconds(3600))
    #expect(report.isComplete)
    #expect(report.buffers == 0)
    #expect(report.readers == 0)
    #expect(report.writers == 0)
    #expect(report.holders.isEmpty)
    #expect(arena.statistics.mappedBytes == 0)
  }

  @Test("the report counts what is out at the deadline, and names the holders")
  func report() async throws {
    let arena = try BufferArena(.small(diagnostics: .everyView))
    let owned = try arena.buffer(pattern(10))
    let other = try arena.buffer(pattern(20))
    let line = UInt(#line) + 1
    let reader = try owned.readView(of: 2..<5)
    let writer = try other.writeView()
    _ = consume other
    let report = await arena.close(waitingUntil: .now)
    #expect(!report.isComplete)
    #expect(report.buffers == 1)
    #expect(report.readers == 1)
    #expect(report.writers == 1)
    #expect(report.holders.map(\.mode) == [.read, .write])
    #expect(report.holders.map(\.bytes) == [3, 20])
    #expect(report.holders.map(\.line) == [line, line + 1])
    #expect(report.holders.allSatisfy { $0.file.hasSuffix("ClosingTests.swift") })
    #expect(report.description.contains("ClosingTests.swift:\(line)"))
    writer.release()
    reader.release()
    _ = consume owned
    #expect(arena.statistics.slotsOut == 0)
    #expect(await arena.close(waitingUntil: .now).isComplete)
  }

  @Test("without diagnostics the report still counts")
  func reportWithoutDiagnostics() async throws {
    let arena = try BufferArena(.small())
    let view = try arena.buffer(pattern(10)).finish()
    let report = await arena.close(waitingUntil: .now)
    #expect(report.buffers == 0)
    #expect(report.readers == 1)
    #expect(report.writers == 0)
    #expect(report.holders.isEmpty)
    view.release()
  }

  @Test("a buffer that was dropped in the ordinary way is no leak")
  func noFalseLeak() async throws {
    let arena = try BufferArena(.small(diagnostics: .everyView))
    for round in 0..<50 {
      let buffer = try arena.buffer(pattern(round))
      let view = try buffer.readView()
      if round.isMultiple(of: 2) { view.release() }
    }
    #expect(await arena.close(waitingUntil: .now + .seconds(3600)).isComplete)
  }

  @Test("waits for the last view, not longer")
  func waits() async throws {
    let arena = try BufferArena(.small())
    let box = Locker(try arena.buffer(pattern(10)).finish())
    let isReleased = Counter()
    async let report = arena.close(waitingUntil: .now + .seconds(3600))
    let isClosed = await eventually { failure { try arena.allocate(minimumCapacity: 1) } == .closed }
    #expect(isClosed)
    for _ in 0..<50 { await Task.yield() }
    isReleased.add()
    box.empty()
    #expect(await report.isComplete)
    #expect(isReleased.value == 1)
  }

  @Test("several may wait")
  func severalWait() async throws {
    let arena = try BufferArena(.small())
    let box = Locker(try arena.buffer(pattern(10)).finish())
    async let first = arena.close(waitingUntil: .now + .seconds(3600))
    async let second = arena.close(waitingUntil: .now + .seconds(3600))
    async let third = arena.close(waitingUntil: .now)
    #expect(await third.readers == 1)
    box.empty()
    #expect(await first.isComplete)
    #expect(await second.isComplete)
  }

  @Test("a cancelled wait ends at once with the truth")
  func cancelledWait() async throws {
    let arena = try BufferArena(.small())
    let view = try arena.buffer(pattern(10)).finish()
    let task = Task { await arena.close(waitingUntil: .now + .seconds(3600)) }
    task.cancel()
    #expect(await task.value.readers == 1)
    view.release()
  }

  @Test("closing fails everybody who waits")
  func waitersFail() async throws {
    let arena = try BufferArena(.small([4096]))
    let (buffers, _) = arena.drain(4096)
    let tasks = (0..<5).map { _ in
      Task { await failure { try await arena.allocateWhenAvailable(minimumCapacity: 100) } }
    }
    #expect(await eventually { arena.statistics.waiting == 5 })
    arena.close()
    for task in tasks { #expect(await task.value == .closed) }
    #expect(buffers.count == 16)
    #expect(arena.statistics.waiting == 0)
  }

  @Test("kernel's slots are in the report and come home after the close")
  func kernelHolds() async throws {
    let arena = try BufferArena(.small(diagnostics: .everyView))
    let slot = try #require(arena.takeForKernel(slotBytes: 256))
    let report = await arena.close(waitingUntil: .now)
    #expect(report.writers == 1)
    #expect(report.buffers == 0)
    #expect(report.holders.map(\.file) == ["kernel"])
    #expect(arena.takeForKernel(slotBytes: 256) == nil)
    slot.releaseFromKernel()
    #expect(await arena.close(waitingUntil: .now + .seconds(3600)).isComplete)
  }
}
