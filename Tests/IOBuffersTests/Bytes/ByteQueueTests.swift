import IOBuffers
import Testing

@Suite("A queue of views as one sequence of bytes")
struct ByteQueueTests {
  private let arena: BufferArena

  init() throws {
    arena = try BufferArena(.small([256], byteLimit: 1 << 20, diagnostics: .counts))
  }

  @Test("an empty queue has nothing")
  func empty() throws {
    var queue = ByteQueue()
    #expect(queue.count == 0 && queue.viewCount == 0 && queue.isContiguous == true)
    #expect(queue.first == nil)
    #expect(queue.byte(at: 0) == nil)
    #expect(queue.bytes() == [])
    #expect(queue.text() == "")
    #expect(queue.takeInteger(as: UInt8.self) == nil)
    #expect(queue.takeByte() == nil)
    let popped = queue.popFirst() == nil
    #expect(popped)
    try queue.removePrefix(0)
    #expect(failure { try queue.removePrefix(1) } == .outOfBounds(range: 1..<1, count: 0))
    #expect(queue.withFirstBytes { $0.byteCount } == 0)
    let view = try queue.joined(from: arena)
    #expect(view.isEmpty == true)
  }

  @Test("views come out as they went in, and the bytes are not copied")
  func order() throws {
    let first = try arena.buffer(pattern(10)).finish()
    let second = try arena.buffer(pattern(20, seed: 1)).finish()
    let addresses = [first.address, second.address]
    var queue = ByteQueue(first)
    queue.append(second)
    #expect(queue.count == 30)
    #expect(queue.viewCount == 2)
    #expect(queue.bytes() == pattern(10) + pattern(20, seed: 1))
    #expect(queue.popFirst()?.address == addresses[0])
    #expect(queue.popFirst()?.address == addresses[1])
    #expect(queue.isEmpty == true)
    #expect(arena.isComplete)
  }

  @Test("all bytes are shown as one span, and parts are copied, wherever they are")
  func spansAndParts() throws {
    let first = try arena.buffer(pattern(10)).finish()
    let address = first.address
    var queue = ByteQueue(first)
    // In place, as long as there is one view.
    #expect(queue.withBytes { unsafe $0.withUnsafeBytes { Int(bitPattern: $0.baseAddress) } } == address)
    queue.append(try arena.buffer(pattern(20, seed: 1)).finish())
    let all = pattern(10) + pattern(20, seed: 1)
    #expect(queue.withBytes { [UInt8](copying: $0) } == all)
    #expect(queue.viewCount == 2)
    #expect(queue.bytes(in: 5..<15) == Array(all[5..<15]))
    #expect(queue.bytes(in: 10..<10) == [])
    // Nothing from outside.
    #expect(queue.bytes(in: -5..<100) == all)
    #expect(queue.bytes(in: 30..<31) == [])
    #expect(ByteQueue().withBytes { [UInt8](copying: $0) } == [])
  }

  @Test("empty views are released at once and leave no trace")
  func emptyViews() throws {
    var queue = ByteQueue(try arena.buffer([]).finish())
    #expect(queue.viewCount == 0)
    queue.append(try arena.buffer([1]).finish())
    queue.append(try arena.buffer([]).finish())
    #expect(queue.viewCount == 1)
    #expect(arena.statistics.slotsOut == 1)
  }

  @Test("adjacent views of one buffer become one view, with one lock")
  func merging() throws {
    let buffer = try arena.buffer(pattern(30))
    var queue = ByteQueue(try buffer.readView(of: 0..<10))
    queue.append(try buffer.readView(of: 10..<20))
    #expect(queue.viewCount == 1)
    #expect(arena.statistics.readersOut == 1)
    queue.append(try arena.buffer([7]).finish())
    queue.append(try buffer.readView(of: 20..<25))
    queue.append(try buffer.readView(of: 25..<30))
    // A gap, and a step back: neither merges.
    queue.append(try buffer.readView(of: 0..<5))
    queue.append(try buffer.readView(of: 6..<7))
    #expect(queue.viewCount == 5)
    #expect(queue.bytes() == pattern(20) + [7] + pattern(30)[20..<30] + pattern(5) + pattern(30)[6..<7])
  }

  @Test("a prefix is cut by sharing, with one lock for each side")
  func takePrefix() throws {
    var queue = try arena.queue([pattern(10), pattern(10, seed: 1), pattern(10, seed: 2)])
    let part = try queue.takePrefix(15)
    #expect(part.bytes() == pattern(10) + pattern(10, seed: 1)[..<5])
    #expect(queue.bytes() == pattern(10, seed: 1)[5...] + pattern(10, seed: 2))
    #expect(arena.statistics.readersOut == 4)
    #expect(failure { try queue.takePrefix(16) } == .outOfBounds(range: 16..<16, count: 15))
    #expect(failure { try queue.takePrefix(-1) } == .outOfBounds(range: -1 ..< -1, count: 15))
    let none = try queue.takePrefix(0)
    #expect(none.isEmpty == true)
    // What was cut merges again.
    var whole = part.take(appending: queue)
    #expect(whole.viewCount == 3)
    #expect(arena.statistics.readersOut == 3)
    whole.removeAll()
    #expect(arena.isComplete)
  }

  @Test("taking everything leaves an empty queue that works")
  func take() throws {
    var queue = try arena.queue([[1, 2], [3]])
    let all = queue.take()
    #expect(queue.isEmpty && queue.viewCount == 0)
    queue.append(try arena.buffer([4]).finish())
    #expect(all.bytes() == [1, 2, 3])
    #expect(queue.bytes() == [4])
  }

  @Test("one view without a copy where the bytes are contiguous, gathered where they are not")
  func takeView() throws {
    let bytes = pattern(12)
    for cut in 0...12 {
      for n in 0...12 {
        var queue = try arena.queue(bytes, cutAt: [cut])
        let first = queue.withFirstBytes { unsafe $0.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) } }
        let firstCount = queue.withFirstBytes { $0.byteCount }
        let view = try queue.takeView(n, from: arena)
        #expect(view.array() == Array(bytes[..<n]))
        #expect(queue.bytes() == Array(bytes[n...]))
        #expect((view.address == first) == (n <= firstCount))
      }
    }
    #expect(arena.isComplete)
  }

  @Test("joining copies several views once, and one view never")
  func joined() throws {
    let view = try arena.buffer(pattern(5)).finish()
    let address = view.address
    #expect(try ByteQueue(view).joined(from: arena).address == address)
    #expect(try arena.queue([[1], [2], [3]]).joined(from: arena).array() == [1, 2, 3])
    #expect(arena.isComplete)
  }

  @Test("the first bytes can be made contiguous where they are")
  func joinPrefix() throws {
    for n in 0...9 {
      var queue = try arena.queue([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
      try queue.joinPrefix(n, from: arena)
      #expect(queue.withFirstBytes { $0.byteCount } >= n)
      #expect(queue.bytes() == [1, 2, 3, 4, 5, 6, 7, 8, 9])
      #expect(queue.count == 9)
      #expect(failure { try queue.joinPrefix(10, from: arena) } == .outOfBounds(range: 10..<10, count: 9))
    }
    #expect(arena.isComplete)
  }

  @Test("a dry arena leaves the queue as it was")
  func dryArena() throws {
    let dry = try BufferArena(.small([256], byteLimit: 4096))
    var queue = try dry.queue([[1, 2], [3, 4]])
    let rest = dry.drain(1)
    defer { withExtendedLifetime(rest) {} }
    #expect(rest.error != nil)
    #expect(failure { try queue.takeView(3, from: dry) }?.isLimitReached == true)
    #expect(failure { try queue.joinPrefix(3, from: dry) }?.isLimitReached == true)
    #expect(queue.viewCount == 2)
    #expect(queue.bytes() == [1, 2, 3, 4])
  }

  @Test("integers across all boundaries, in both orders")
  func integers() throws {
    let bytes = pattern(20)
    let view = try arena.buffer(bytes).finish()
    for cuts in Array(bytes[..<8]).cuts {
      var queue = try arena.queue(bytes, cutAt: cuts)
      for offset in 0...12 {
        #expect(try queue.load(at: offset, as: UInt64.self) == view.load(at: offset, as: UInt64.self))
        #expect(try queue.load(at: offset, as: UInt32.self, .little) == view.load(at: offset, as: UInt32.self, .little))
        #expect(try queue.load(at: offset, as: Int16.self) == view.load(at: offset, as: Int16.self))
        #expect(queue.byte(at: offset) == bytes[offset])
      }
      #expect(queue.takeInteger(as: UInt32.self, .little) == (try view.load(at: 0, as: UInt32.self, .little)))
      #expect(queue.takeInteger(as: UInt8.self) == bytes[4])
      #expect(queue.takeByte() == bytes[5])
      #expect(queue.takeInteger(as: UInt128.self) == nil)
      #expect(queue.takeInteger(as: UInt64.self) == (try view.load(at: 6, as: UInt64.self)))
      #expect(queue.count == 6)
      for offset in [-1, 3, Int.max, Int.min] {
        #expect(failure { try queue.load(at: offset, as: UInt32.self) } != nil)
      }
    }
  }

  @Test("bytes are copied to where the caller wants them")
  func copying() throws {
    let queue = try arena.queue([[1, 2, 3], [4], [5, 6, 7]])
    for start in [-1, 0, 2, 3, 4, 6, 7, 8] {
      let rest = start < 0 || start >= 7 ? [] : Array(queue.bytes()[start...])
      for room in [0, 1, 3, 7, 9] {
        let expected = Array(rest.prefix(room))
        let array = [UInt8](capacity: room) { (span: inout OutputSpan<UInt8>) in
          #expect(queue.copyBytes(to: &span, from: start) == expected.count)
        }
        #expect(array == expected)
        var target = [UInt8](repeating: 0, count: room)
        var span = target.mutableSpan
        var bytes = unsafe span.mutableBytes
        #expect(queue.copyBytes(to: &bytes, from: start) == expected.count)
        #expect(Array(target.prefix(expected.count)) == expected)
      }
    }
  }

  @Test("text is valid UTF-8 or nothing, also where a character is cut")
  func text() throws {
    let bytes = Array("aé€𝄞z".utf8)
    for cuts in bytes.cuts { #expect(try arena.queue(bytes, cutAt: cuts).text() == "aé€𝄞z") }
    #expect(try arena.queue([[0xC3], [0x28]]).text() == nil)
    #expect(try arena.queue([[0xC3]]).text() == nil)
  }

  @Test("every span is seen, and a thrown error ends the loop")
  func spans() throws {
    let queue = try arena.queue([[1, 2], [3], [4, 5]])
    var seen: [[UInt8]] = []
    queue.forEachSpan { seen.append($0.array) }
    #expect(seen == [[1, 2], [3], [4, 5]])
    var count = 0
    #expect(
      failure {
        try queue.forEachSpan { (span) throws(BufferError) in
          count += 1
          if span.byteCount == 1 { throw .closed }
        }
      } == .closed
    )
    #expect(count == 2)
  }
}

extension ByteQueue {
  fileprivate consuming func take(appending other: consuming ByteQueue) -> ByteQueue {
    append(other)
    return self
  }
}
