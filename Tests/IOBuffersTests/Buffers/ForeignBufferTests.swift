import IOBuffers
import Testing

@Suite("Memory of other libraries")
struct ForeignBufferTests {
  @Test("the same bytes, lent in place")
  func inPlace() throws {
    let memory = Foreign(pattern(50))
    let buffer = try memory.adopt()
    #expect(buffer.count == 50)
    let view = try buffer.readView(of: 10..<20)
    #expect(view.address == memory.address + 10)
    #expect(view.array() == Array(pattern(50)[10..<20]))
    view.release()
    var writer = try buffer.writeView()
    writer[0] = 200
    writer.release()
    #expect(memory.firstByte == 200)
    #expect(memory.releases == 0)
  }

  @Test("released once: by the owner, by a view, by a part of a view")
  func releasedOnce() throws {
    let memories = [Foreign(pattern(5)), Foreign(pattern(5)), Foreign(pattern(5)), Foreign(pattern(5))]
    do {
      let buffer = try memories[0].adopt()
      #expect(buffer.count == 5)
      #expect(memories[0].releases == 0)
    }
    #expect(memories[0].releases == 1)

    var box: ViewBox?
    do {
      let buffer = try memories[1].adopt()
      box = ViewBox(try buffer.readView())
    }
    #expect(memories[1].releases == 0)
    #expect(box?.array() == pattern(5))
    let part = try box?.slice(1..<3)
    box = nil
    #expect(memories[1].releases == 0)
    #expect(part?.array() == Array(pattern(5)[1..<3]))
    part?.release()
    #expect(memories[1].releases == 1)

    do {
      let buffer = try memories[2].adopt()
      var writer = try buffer.writeView()
      let rest = try writer.split(at: 2)
      writer.release()
      let frozen = rest.freeze()
      #expect(failure { try buffer.writeView() } == .locked(LockReport(readers: 1, writers: 0)))
      frozen.release()
      #expect(memories[2].releases == 0)
    }
    #expect(memories[2].releases == 1)

    let detached = try memories[3].adopt().readView().detach()
    #expect(memories[3].releases == 0)
    detached.releaseReader()
    #expect(memories[3].releases == 1)
  }

  @Test("the closure gets the memory that was adopted")
  func closureGetsMemory() throws {
    let memory = Foreign(pattern(9))
    _ = try memory.adopt()
    #expect(memory.releasedBytes == pattern(9))
    #expect(memory.releasedAddress == memory.address)
  }

  @Test("no bytes at all")
  func empty() throws {
    let released = Counter()
    do {
      let buffer = try unsafe ForeignBuffer(adopting: UnsafeMutableRawBufferPointer(start: nil, count: 0)) { _ in
        released.add()
      }
      #expect(buffer.count == 0)
      let view = try buffer.readView()
      #expect(view.array() == [])
      #expect(view.firstIndex(of: 0) == nil)
      #expect(failure { try buffer.readView(of: 0..<1) } == .outOfBounds(range: 0..<1, count: 0))
    }
    #expect(released.value == 1)
  }

  @Test("bounds, locks and reports as with pooled memory")
  func sameRules() throws {
    let memory = Foreign(pattern(10))
    let buffer = try memory.adopt(diagnostics: .everyView)
    #expect(failure { try buffer.readView(of: 5..<11) } == .outOfBounds(range: 5..<11, count: 10))
    #expect(failure { try buffer.writeView(of: -1..<1) } == .outOfBounds(range: -1..<1, count: 10))
    let reader = try buffer.readView(of: 0..<4)
    let report = try #require(failure { try buffer.writeView() }?.report)
    #expect(report.readers == 1)
    #expect(report.holders.map(\.bytes) == [4])
    reader.release()
    let writer = try buffer.writeView()
    #expect(failure { try buffer.readView() }?.report?.holders.map(\.mode) == [.write])
    writer.release()
  }

  @Test("the last view may go on another thread")
  func otherThread() async throws {
    let memory = Foreign(pattern(10))
    for _ in 0..<1 {
      let view = Locker(try memory.adopt().readView())
      await onThread { view.empty() }
    }
    #expect(memory.releases == 1)
  }

  @Test("generic code lends from any exporter, and the report names that code")
  func generic() throws {
    let arena = try BufferArena(.small(diagnostics: .everyView))
    let pooled = try arena.buffer(pattern(10))
    let memory = Foreign(pattern(10))
    let foreign = try memory.adopt(diagnostics: .everyView)
    try check(pooled)
    try check(foreign)
  }

  private func check(_ exporter: borrowing some BufferExporter & ~Copyable) throws {
    #expect(exporter.count == 10)
    let line = UInt(#line) + 1
    let view = try exporter.readView()
    let part = try exporter.readView(of: 2..<4)
    #expect(view.array() == pattern(10))
    #expect(part.array() == Array(pattern(10)[2..<4]))
    let report = try #require(failure { try exporter.writeView() }?.report)
    #expect(report.holders.map(\.line) == [line, line + 1])
    #expect(report.holders.allSatisfy { $0.file.hasSuffix("ForeignBufferTests.swift") })
    view.release()
    part.release()
    let writer = try exporter.writeView(of: 1..<3)
    #expect(failure { try exporter.readView() }?.report?.writers == 1)
    writer.release()
    let all = try exporter.writeView()
    #expect(all.count == 10)
  }
}

/// Memory that did not come from an arena. It notes what the release closure was given, and frees it at its own end.
@safe
private final class Foreign: @unchecked Sendable {
  private let memory: UnsafeMutableRawBufferPointer
  private let released = Journal<(address: UInt, bytes: [UInt8])>()

  init(_ bytes: [UInt8]) {
    unsafe memory = .allocate(byteCount: bytes.count, alignment: 16)
    unsafe memory.copyBytes(from: bytes)
  }

  deinit {
    unsafe memory.deallocate()
  }

  var address: UInt { unsafe UInt(bitPattern: memory.baseAddress) }
  var firstByte: UInt8? { unsafe memory.first }
  var releases: Int { released.count }
  var releasedBytes: [UInt8]? { released.entries.first?.bytes }
  var releasedAddress: UInt? { released.entries.first?.address }

  func adopt(diagnostics: BufferArena.Diagnostics = .off) throws(BufferError) -> ForeignBuffer {
    try unsafe ForeignBuffer(adopting: memory, diagnostics: diagnostics) { [released] bytes in
      unsafe released.append((UInt(bitPattern: bytes.baseAddress), Array(bytes)))
    }
  }
}
