import IOBuffers
import Testing

@Suite("Life of a view")
struct LifetimeTests {
  @Test("a view outlives its owner and its arena")
  func outlivesEverything() throws {
    var arena: BufferArena? = try BufferArena(.small())
    let view = try #require(try arena?.buffer(pattern(100)).finish().boxed())
    let writer = try #require(try arena?.buffer(pattern(50)).writer())
    arena = nil
    #expect(view.array() == pattern(100))
    #expect(writer.array() == pattern(50))
    #expect(try writer.store(7, at: 0))
    #expect(writer.freeze())
    #expect(writer.array().first == 7)
    let part = try #require(try view.slice(10..<20))
    view.release()
    #expect(part.array() == Array(pattern(100)[10..<20]))
  }

  @Test("the end of the scope and release() are the same")
  func releaseAndDeinit() throws {
    let arena = try BufferArena(.small())
    let buffer = try arena.buffer(pattern(10))
    do {
      let view = try buffer.readView()
      #expect(view.count == 10)
    }
    #expect(failure { try buffer.writeView() } == nil)
    let view = try buffer.readView()
    #expect(failure { try buffer.writeView() } != nil)
    view.release()
    let writer = try buffer.writeView()
    #expect(failure { try buffer.readView() } != nil)
    writer.release()
    #expect(failure { try buffer.readView() } == nil)
  }

  @Test("views may be released on any thread, in any order")
  func releasedElsewhere() async throws {
    let arena = try BufferArena(.small())
    let buffer = try arena.buffer(pattern(10))
    let views = try (0..<20).map { _ in Locker(try buffer.readView()) }
    let owner = Locker(buffer)
    await withTaskGroup(of: Void.self) { group in
      for view in views { group.addTask { await onThread { view.empty() } } }
      group.addTask { await onThread { owner.empty() } }
    }
    #expect(arena.statistics.slotsOut == 0)
  }

  @Test("a view is three words and an optional one no more than four")
  func size() {
    #expect(MemoryLayout<ReadView>.size == 24)
    #expect(MemoryLayout<WriteView>.size == 24)
    #expect(MemoryLayout<DetachedView>.size == 24)
    #expect(MemoryLayout<SlotHeader>.stride == 64)
    #expect(MemoryLayout<ReadView?>.size <= 32)
  }

  @Test("the memory of a dropped arena goes back to the system with its last view")
  func unmapped() async {
    // In a process of its own: no other test maps memory at the same place meanwhile.
    await #expect(processExitsWith: .success) {
      var arena: BufferArena? = try BufferArena(.small())
      let view = try #require(try arena?.buffer(pattern(100)).finish().boxed())
      let address = try #require(view.address)
      arena = nil
      try #require(isMapped(address))
      #expect(view.array() == pattern(100))
      view.release()
      try #require(!isMapped(address))
    }
    await #expect(processExitsWith: .success) {
      let arena = try BufferArena(.small())
      let box = try arena.buffer(pattern(100)).finish().boxed()
      let address = try #require(box.address)
      arena.close()
      try #require(isMapped(address))
      box.release()
      try #require(!isMapped(address))
    }
    await #expect(processExitsWith: .success) {
      let arena = try BufferArena(.small())
      let box = try arena.buffer(pattern(100)).finish().boxed()
      let address = try #require(box.address)
      box.release()
      try #require(isMapped(address))
      try #require(arena.trim() > 0)
      try #require(!isMapped(address))
    }
  }

  @Test("a forked child does not have the memory")
  func notInForkedChild() async throws {
    let arena = try BufferArena(.small())
    let box = try arena.buffer(pattern(100)).finish().boxed()
    let address = try #require(box.address)
    // MADV_DONTFORK shows as the flag "dc" of the mapping.
    #expect(try #require(mappingFlags(address)).contains("dc"))
  }
}

extension ReadView {
  fileprivate consuming func boxed() -> ViewBox { ViewBox(self) }
}

extension PooledBuffer {
  fileprivate consuming func writer() throws(BufferError) -> ViewBox { ViewBox(try writeView()) }
}
