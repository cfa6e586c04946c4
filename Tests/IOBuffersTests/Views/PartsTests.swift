import IOBuffers
import Testing

@Suite("Parts of views")
struct PartsTests {
  @Test("share, slice and split see the same bytes, not copies")
  func sameBytes() throws {
    let arena = try BufferArena(.small())
    let buffer = try arena.buffer(pattern(20))
    var view = try buffer.readView()
    let shared = try view.share()
    let slice = try view.slice(5..<15)
    let suffix = try view.split(at: 8)
    #expect(shared.address == view.address)
    #expect(slice.address == view.address + 5)
    #expect(suffix.address == view.address + 8)
    #expect(view.array() == Array(pattern(20)[..<8]))
    #expect(suffix.array() == Array(pattern(20)[8...]))
    #expect(shared.array() == pattern(20))
    #expect(slice.array() == Array(pattern(20)[5..<15]))
    let sliceOfSlice = try slice.slice(2..<4)
    #expect(sliceOfSlice.array() == Array(pattern(20)[7..<9]))
    #expect(failure { try buffer.writeView() } == .locked(LockReport(readers: 5, writers: 0)))
  }

  @Test("each part holds its own lock")
  func ownLocks() throws {
    let arena = try BufferArena(.small())
    let buffer = try arena.buffer(pattern(20))
    var view = try buffer.readView()
    let suffix = try view.split(at: 20)
    #expect(suffix.isEmpty == true)
    view.release()
    #expect(failure { try buffer.writeView() } == .locked(LockReport(readers: 1, writers: 0)))
    suffix.release()
    #expect(failure { try buffer.writeView() } == nil)
  }

  @Test("narrowing needs no lock and gives none back")
  func narrowing() throws {
    let arena = try BufferArena(.small())
    let buffer = try arena.buffer(pattern(20))
    var view = try buffer.readView()
    try view.removePrefix(3)
    #expect(view.array() == Array(pattern(20)[3...]))
    try view.narrow(to: 2..<10)
    #expect(view.array() == Array(pattern(20)[5..<13]))
    try view.removePrefix(0)
    try view.narrow(to: 0..<8)
    #expect(view.count == 8)
    try view.removePrefix(8)
    #expect(view.isEmpty == true)
    try view.narrow(to: 0..<0)
    #expect(failure { try buffer.writeView() } == .locked(LockReport(readers: 1, writers: 0)))
  }

  @Test("writers of disjoint parts write at the same time")
  func splitWriters() async throws {
    let arena = try BufferArena(.small([4096]))
    var buffer = try arena.allocate(minimumCapacity: 4096)
    try buffer.resize(to: 4096)
    var front = try buffer.writeView()
    let back = try front.split(at: 2048)
    let parts = [Locker(front), Locker(back)]
    await withTaskGroup(of: Void.self) { group in
      for (number, part) in parts.enumerated() {
        group.addTask {
          await onThread {
            guard var view = part.take() else { return }
            for offset in 0..<view.count { view[offset] = UInt8(1 + number) }
            part.put(view)
          }
        }
      }
    }
    #expect(failure { try buffer.readView() } == .locked(LockReport(readers: 0, writers: 2)))
    let frozen = parts[0].take()?.freeze()
    #expect(failure { try buffer.readView() } == .locked(LockReport(readers: 1, writers: 1)))
    #expect(failure { try buffer.writeView() } == .locked(LockReport(readers: 1, writers: 1)))
    parts[1].empty()
    let all = try buffer.readView()
    #expect(all.array() == [UInt8](repeating: 1, count: 2048) + [UInt8](repeating: 2, count: 2048))
    #expect(frozen?.count == 2048)
  }

  @Test("freezing keeps the place, and readers may join")
  func freeze() throws {
    let arena = try BufferArena(.small())
    let buffer = try arena.buffer(pattern(10))
    var writer = try buffer.writeView(of: 2..<6)
    writer[0] = 99
    let frozen = writer.freeze()
    #expect(frozen.array() == [99] + Array(pattern(10)[3..<6]))
    let joined = try buffer.readView()
    #expect(joined[2] == 99)
    #expect(frozen.address == joined.address + 2)
  }

  @Test("bounds of every cut")
  func bounds() throws {
    let arena = try BufferArena(.small())
    let buffer = try arena.buffer(pattern(10))
    for range in [-1..<3, 5..<11, 11..<11, Int.min..<0, 0..<Int.max] {
      let error = BufferError.outOfBounds(range: range, count: 10)
      #expect(failure { try buffer.readView(of: range) } == error)
      #expect(failure { try buffer.writeView(of: range) } == error)
      var view = try buffer.readView()
      #expect(failure { try view.slice(range) } == error)
      #expect(failure { try view.narrow(to: range) } == error)
      #expect(view.count == 10)
    }
    for offset in [-1, 11, Int.min, Int.max] {
      var view = try buffer.readView()
      #expect(isOutOfBounds(failure { try view.split(at: offset) }))
      #expect(isOutOfBounds(failure { try view.removePrefix(offset) }))
      #expect(view.array() == pattern(10))
      view.release()
      var writer = try buffer.writeView()
      #expect(isOutOfBounds(failure { try writer.split(at: offset) }))
      #expect(writer.count == 10)
    }
    // A failed cut leaves no lock behind.
    #expect(failure { try buffer.writeView() } == nil)
    for range in [0..<0, 10..<10, 0..<10, 3..<7] {
      #expect(failure { try buffer.readView(of: range) } == nil)
      #expect(failure { try buffer.writeView(of: range) } == nil)
    }
  }

  @Test("the room beyond the count cannot be lent")
  func beyondCount() throws {
    let arena = try BufferArena(.small([256]))
    let buffer = try arena.buffer(pattern(10))
    #expect(buffer.capacity == 256)
    #expect(failure { try buffer.readView(of: 0..<11) } == .outOfBounds(range: 0..<11, count: 10))
    #expect(try buffer.readView().count == 10)
    #expect(try buffer.writeView().count == 10)
  }

  private func isOutOfBounds(_ error: BufferError?) -> Bool {
    guard case .outOfBounds(_, count: 10) = error else { return false }
    return true
  }
}
