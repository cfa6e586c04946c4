import IOBuffers
import Testing

@Suite("Diagnostics")
struct DiagnosticsTests {
  @Test("off: the report counts, and nobody is named")
  func off() throws {
    let arena = try BufferArena(.small())
    let buffer = try arena.buffer(pattern(10))
    let view = try buffer.readView()
    let report = try #require(failure { try buffer.writeView() }?.report)
    #expect(report == LockReport(readers: 1, writers: 0))
    #expect(arena.holders().isEmpty)
    #expect(arena.statistics.readersOut == nil)
    #expect(arena.statistics.writersOut == nil)
    #expect(view.detach().token(thenRelease: { $0.releaseReader() }) == 0)
  }

  @Test("counts: statistics say how many views are out in all")
  func counts() throws {
    let arena = try BufferArena(.small(diagnostics: .counts))
    let first = try arena.buffer(pattern(10))
    let second = try arena.buffer(pattern(10))
    let views = [ViewBox(try first.readView()), ViewBox(try first.readView()), ViewBox(try second.writeView())]
    #expect(arena.statistics.readersOut == 2)
    #expect(arena.statistics.writersOut == 1)
    #expect(arena.holders().isEmpty)
    #expect(failure { try first.writeView() }?.report?.holders.isEmpty == true)
    for view in views { view.release() }
    #expect(arena.statistics.readersOut == 0)
    #expect(arena.statistics.writersOut == 0)
  }

  @Test("every view: mode, place, size and age of each, oldest first")
  func everyView() throws {
    let arena = try BufferArena(.small(diagnostics: .everyView))
    var buffer = try arena.buffer(pattern(10))
    let line = UInt(#line) + 1
    var first = try buffer.readView()
    let second = try first.share()
    let third = try first.slice(1..<4)
    let fourth = try first.split(at: 4)
    let report = try #require(failure { try buffer.resize(to: 20) }?.report)
    #expect(report.readers == 4)
    #expect(report.holders.map(\.line) == [line, line + 1, line + 2, line + 3])
    #expect(report.holders.map(\.bytes) == [4, 10, 3, 6])
    #expect(report.holders.allSatisfy { $0.mode == .read && $0.age >= .zero })
    #expect(report.holders.allSatisfy { $0.file == "IOBuffersTests/DiagnosticsTests.swift" })
    let ages = report.holders.map(\.age)
    #expect(ages == ages.sorted(by: >))
    #expect(arena.holders().map(\.line) == report.holders.map(\.line))
    #expect(arena.statistics.readersOut == 4)
    second.release()
    first.release()
    #expect(arena.holders().map(\.line) == [line + 2, line + 3])
    third.release()
    fourth.release()
    #expect(arena.holders().isEmpty)
  }

  @Test("writers, split writers, frozen ones and finished owners are on record too")
  func writers() throws {
    let arena = try BufferArena(.small(diagnostics: .everyView))
    let buffer = try arena.buffer(pattern(10))
    var writer = try buffer.writeView()
    let rest = try writer.split(at: 7)
    #expect(arena.holders().map(\.mode) == [.write, .write])
    #expect(arena.holders().map(\.bytes) == [7, 3])
    let frozen = rest.freeze()
    #expect(arena.holders().map(\.mode) == [.write, .read])
    writer.release()
    #expect(arena.holders().map(\.mode) == [.read])
    let line = UInt(#line) + 1
    let finished = try buffer.finish()
    #expect(arena.holders().map(\.line).last == line)
    #expect(arena.holders().count == 2)
    frozen.release()
    finished.release()
    #expect(arena.holders().isEmpty)
  }

  @Test("a record has the size that its view has now")
  func presentSize() throws {
    let arena = try BufferArena(.small(diagnostics: .everyView))
    let sizes = { arena.holders().map(\.bytes) }
    var view = try arena.buffer(pattern(100)).finish()
    #expect(sizes() == [100])
    try view.removePrefix(10)
    #expect(sizes() == [90])
    let rest = try view.split(at: 60)
    #expect(sizes() == [60, 30])
    try view.narrow(to: 5..<25)
    #expect(sizes() == [20, 30])
    #expect(failure { try view.narrow(to: 5..<25) } != nil)
    #expect(failure { try view.removePrefix(21) } != nil)
    #expect(sizes() == [20, 30])
    rest.release()
    // As a short send leaves it.
    var detached = view.detach()
    detached.removePrefix(15)
    #expect(sizes() == [5])
    detached.releaseReader()

    let slot = try #require(arena.takeForKernel(slotBytes: 256))
    var first = slot.filled(at: 0, count: 10, last: false)
    let second = slot.filled(at: 10, count: 20, last: false)
    #expect(sizes() == [256, 10, 20])
    first.absorb(second)
    #expect(sizes() == [256, 30])
    first.releaseReader()
    slot.releaseFromKernel()

    let buffer = try arena.buffer(pattern(10))
    var writer = try buffer.writeView()
    let tail = try writer.split(at: 7)
    #expect(sizes() == [7, 3])
    let frozen = writer.freeze()
    #expect(sizes() == [7, 3])
    frozen.release()
    tail.release()
    #expect(arena.holders().isEmpty)
  }

  @Test("the caller's place can be handed on")
  func handedOn() throws {
    let arena = try BufferArena(.small(diagnostics: .everyView))
    let buffer = try arena.buffer(pattern(10))
    let view = try buffer.readView(file: "Module/Elsewhere.swift", line: 4711)
    #expect(arena.holders().map(\.file) == ["Module/Elsewhere.swift"])
    #expect(arena.holders().map(\.line) == [4711])
    let description = try #require(failure { try buffer.writeView() }).description
    #expect(description.contains("Module/Elsewhere.swift:4711"))
    #expect(description.contains("1 read view"))
    view.release()
  }

  @Test("a record survives detaching and follows its view into a kernel operation")
  func detached() throws {
    let arena = try BufferArena(.small(diagnostics: .everyView))
    let buffer = try arena.buffer(pattern(10))
    let line = UInt(#line) + 1
    let detached = try buffer.readView().detach()
    #expect(arena.holders().map(\.line) == [line])
    let again = ReadView(detached)
    #expect(arena.holders().count == 1)
    again.release()
    #expect(arena.holders().isEmpty)
    try buffer.writeView().detach().releaseWriter()
    #expect(arena.holders().isEmpty)
  }

  @Test("the kernel's views are on record as the kernel's")
  func kernel() throws {
    let arena = try BufferArena(.small(diagnostics: .everyView))
    let slot = try #require(arena.takeForKernel(slotBytes: 256))
    #expect(arena.holders().map(\.file) == ["kernel"])
    #expect(arena.holders().map(\.mode) == [.write])
    let first = slot.filled(at: 0, count: 10, last: false)
    #expect(arena.holders().map(\.bytes) == [256, 10])
    #expect(arena.statistics.writersOut == 1)
    let second = slot.filled(at: 10, count: 20, last: true)
    #expect(arena.holders().map(\.mode) == [.read, .read])
    #expect(arena.holders().map(\.bytes).sorted() == [10, 20])
    let shared = try #require(first.shareReader())
    var merged = first
    merged.absorb(second)
    #expect(arena.holders().count == 2)
    merged.releaseReader()
    shared.releaseReader()
    #expect(arena.holders().isEmpty)
    #expect(arena.statistics.slotsOut == 0)
  }

  @Test("sampling records each nth view, and counts all")
  func sampled() throws {
    let arena = try BufferArena(.small(diagnostics: .sampled(every: 4)))
    let buffer = try arena.buffer(pattern(10))
    let views = try (0..<40).map { _ in ViewBox(try buffer.readView()) }
    let report = try #require(failure { try buffer.writeView() }?.report)
    #expect(report.readers == 40)
    #expect(report.holders.count == 10)
    for view in views { view.release() }
    #expect(arena.holders().isEmpty)
    #expect(failure { try buffer.writeView() } == nil)
  }

  @Test("records are reused, the right one each time")
  func reuse() throws {
    let arena = try BufferArena(.small(diagnostics: .everyView))
    let buffers = [Keeper(try arena.buffer(pattern(100))), Keeper(try arena.buffer(pattern(100)))]
    var generator = SeededGenerator(seed: Settings.seed)
    var views: [(view: ViewBox, bytes: Int, keeper: Int)] = []
    for _ in 0..<500 {
      if generator.chance(1, in: 2) || views.isEmpty {
        let bytes = generator.below(100)
        let keeper = generator.below(2)
        guard let view = try buffers[keeper].readView(of: 0..<bytes) else { continue }
        views.append((ViewBox(view), bytes, keeper))
      } else {
        views.remove(at: generator.below(views.count)).view.release()
      }
      #expect(arena.holders().map(\.bytes).sorted() == views.map(\.bytes).sorted(), "SLUICE_TEST_SEED=\(Settings.seed)")
    }
    for keeper in 0..<2 {
      let report = buffers[keeper].refusal()
      let expected = views.filter { $0.keeper == keeper }.map(\.bytes).sorted()
      #expect((report?.holders ?? []).map(\.bytes).sorted() == expected)
    }
  }

  @Test("views held too long")
  func heldTooLong() throws {
    var configuration = BufferArena.Configuration.small(diagnostics: .everyView)
    configuration.heldTooLongAfter = .seconds(3600)
    let arena = try BufferArena(configuration)
    let buffer = try arena.buffer(pattern(10))
    let view = try buffer.readView()
    #expect(arena.holders().isEmpty)
    #expect(arena.holders(olderThan: .zero).count == 1)
    #expect(arena.holders(olderThan: .seconds(3600)).isEmpty)
    // Some time passes, however little.
    let start = ContinuousClock.now
    while ContinuousClock.now - start < .milliseconds(2) {}
    #expect(arena.holders(olderThan: .milliseconds(1)).count == 1)
    view.release()
    #expect(arena.holders(olderThan: .zero).isEmpty)
  }

  @Test("errors say what happened and what to do")
  func descriptions() {
    let holder = Holder(mode: .write, file: "M/F.swift", line: 12, age: .seconds(2), bytes: 99)
    let errors: [(BufferError, [String])] = [
      (.locked(LockReport(readers: 2, writers: 0)), ["2 read views", "release"]),
      (.locked(LockReport(readers: 1, writers: 1)), ["1 read view", "1 write view"]),
      (.locked(LockReport(readers: 0, writers: 1, holders: [holder])), ["write view of 99 bytes", "M/F.swift:12"]),
      (.outOfBounds(range: 3..<9, count: 5), ["3..<9", "5"]),
      (.limitReached(requested: 10, mapped: 20, limit: 30), ["10", "20", "30", "allocateWhenAvailable"]),
      (.tooLarge(requested: 11, limit: 7), ["11", "7"]),
      (.closed, ["closed"]),
      (.negativeSize(-3), ["-3"]),
      (.tooManyViews, ["views"]),
      (.mapFailed(errno: 12, bytes: 4096), ["12", "4096"]),
      (.cancelled, ["cancelled"]),
    ]
    for (error, parts) in errors {
      for part in parts { #expect("\(error)".contains(part), "\(error)") }
    }
  }
}

extension DetachedView {
  fileprivate func token(thenRelease release: (DetachedView) -> Void) -> UInt32 {
    release(self)
    return token
  }
}
