import IOBuffers
import Testing

/// Random operations on a queue and on an array, which must agree at every step. In the end nothing is lent.
@Suite("A queue of views against an array")
struct ByteQueueModelTests {
  @Test("random operations", arguments: 0..<8)
  func random(_ run: Int) throws {
    let arena = try BufferArena(.small([64, 1024], byteLimit: 4 << 20, diagnostics: .counts))
    var generator = SeededGenerator(seed: Settings.seed &+ UInt64(run))
    do {
      var queue = ByteQueue()
      var model: [UInt8] = []
      for step in 0..<1500 {
        try operate(&queue, &model, arena, &generator)
        #expect(queue.count == model.count)
        guard queue.bytes() == model else {
          Issue.record("step \(step) of seed \(Settings.seed), run \(run)")
          return
        }
      }
    }
    #expect(arena.isComplete)
  }

  private func operate(
    _ queue: inout ByteQueue,
    _ model: inout [UInt8],
    _ arena: BufferArena,
    _ generator: inout SeededGenerator
  ) throws {
    let n = generator.below(model.count + 1)
    switch generator.below(12) {
    case 0, 1, 2:
      let bytes = pattern(generator.below(40), seed: generator.below(100))
      queue.append(try arena.buffer(bytes).finish())
      model += bytes
    case 3:
      // Parts of one buffer, adjacent or not.
      let bytes = pattern(60, seed: generator.below(100))
      let buffer = try arena.buffer(bytes)
      var start = 0
      for _ in 0..<4 {
        let end = start + generator.below(60 - start + 1)
        queue.append(try buffer.readView(of: start..<end))
        model += bytes[start..<end]
        start = min(60, end + generator.below(2))
      }
    case 4:
      try queue.removePrefix(n)
      model.removeFirst(n)
    case 5:
      let part = try queue.takePrefix(n)
      #expect(part.bytes() == Array(model.prefix(n)))
      model.removeFirst(n)
      if generator.chance(1, in: 2) {
        model += part.bytes()
        queue.append(part)
      }
    case 6:
      let view = try queue.takeView(n, from: arena)
      #expect(view.array() == Array(model.prefix(n)))
      model.removeFirst(n)
    case 7:
      let view = queue.popFirst()
      let bytes = view?.array() ?? []
      #expect(bytes == Array(model.prefix(bytes.count)))
      model.removeFirst(bytes.count)
    case 8:
      try queue.joinPrefix(n, from: arena)
    case 9:
      let byte = UInt8(generator.below(256))
      #expect(queue.firstIndex(of: byte, from: n) == model[n...].firstIndex(of: byte))
      #expect(queue.byte(at: n) == (n < model.count ? model[n] : nil))
    case 10:
      let length = min(generator.below(6), model.count - n)
      let needle = Array(model[n..<n + length])
      let start = generator.below(n + 1)
      let found = (start...model.count).first { model[$0...].starts(with: needle) }
      #expect(queue.firstRange(of: needle, from: start) == found.map { $0..<$0 + length })
      #expect(queue.starts(with: needle) == model.starts(with: needle))
    default:
      if generator.chance(1, in: 8) {
        let all = queue.take()
        #expect(all.bytes() == model)
        model = []
      } else if generator.chance(1, in: 8) {
        queue.removeAll()
        model = []
      }
    }
  }
}
