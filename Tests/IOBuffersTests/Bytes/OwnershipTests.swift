import IOBuffers
import Testing

/// What programs do with views and buffers between two calls, each in one plain line. The fixtures of the same names show
/// that it compiles in a program of its own.
@Suite("Keeping, replacing, sharing")
struct OwnershipTests {
  private let arena: BufferArena

  init() throws {
    arena = try BufferArena(.small([256], byteLimit: 1 << 20, diagnostics: .counts))
  }

  @Test("a shared view is copied as a reference and gives its lock back once")
  func sharedView() throws {
    do {
      let shared = SharedView(try arena.buffer(pattern(10)).finish())
      var parts = [shared, shared]
      parts.append(SharedView(try shared.view(of: 2..<4)))
      var byName = ["a": shared]
      byName["b"] = parts[2]
      #expect(shared.count == 10 && !shared.isEmpty)
      #expect(parts[1].withBytes { $0.array } == pattern(10))
      #expect(byName["b"]?.withBytes { $0.array } == Array(pattern(10)[2..<4]))
      #expect(arena.statistics.readersOut == 2)
      let view = try shared.view()
      #expect(view.count == 10)
      #expect(arena.statistics.readersOut == 3)
      #expect(failure { try shared.view(of: 5..<11) } == .outOfBounds(range: 5..<11, count: 10))
    }
    #expect(arena.isComplete)
  }

  @Test("a view outlives the shared one that it came from")
  func outlives() throws {
    let view = try SharedView(arena.buffer(pattern(10)).finish()).view()
    #expect(view.array() == pattern(10))
  }

  @Test("a buffer is taken and an empty one stays, also while views are out")
  func takeBuffer() throws {
    var buffer = try arena.buffer([1, 2, 3])
    let reader = try buffer.readView()
    let full = try buffer.take()
    #expect(buffer.isEmpty == true)
    try buffer.append(9 as UInt8)
    #expect(reader.array() == [1, 2, 3])
    #expect(try full.finish().array() == [1, 2, 3])
    #expect(try buffer.finish().array() == [9])
  }

  @Test("a buffer that cannot be replaced stays as it is")
  func takeFromDryArena() throws {
    let dry = try BufferArena(.small([256], byteLimit: 4096))
    var buffer = try dry.buffer([1, 2, 3])
    let rest = dry.drain(1)
    defer { withExtendedLifetime(rest) {} }
    #expect(failure { try buffer.take() }?.isLimitReached == true)
    #expect(try buffer.readView().array() == [1, 2, 3])
  }
}
