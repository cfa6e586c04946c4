import Testing

@testable import EchoLoad

/// Message boundaries and start times over any way in which bytes can arrive.
@Suite struct MessageStreamTests {
  /// Takes the starts of `count` messages, one entry each.
  private func starts(_ count: Int, of stream: inout MessageStream) -> [UInt64] {
    var all: [UInt64] = []
    stream.finish(count) { start, count in all += Array(repeating: start, count: count) }
    return all
  }

  @Test func aMessageIsWholeWithItsLastByte() throws {
    var stream = MessageStream(size: 10, depth: 1)
    stream.begin(1, at: 7)
    #expect(try stream.receive(4) == 0)
    #expect(try stream.receive(5) == 0)
    #expect(stream.outstanding == 1)
    #expect(try stream.receive(1) == 1)
    #expect(starts(1, of: &stream) == [7])
    #expect(stream.room == 1)
    #expect(stream.outstanding == 0)
  }

  @Test func moreThanWasSentIsAnError() throws {
    var stream = MessageStream(size: 10, depth: 2)
    stream.begin(1, at: 0)
    #expect(throws: MessageStream.Excess(bytes: 3)) { _ = try stream.receive(13) }
    // Nothing was taken.
    #expect(stream.received == 0)
    #expect(try stream.receive(10) == 1)
    #expect(throws: MessageStream.Excess(bytes: 1)) { _ = try stream.receive(1) }
  }

  @Test func startsComeBackInTheirOrderAcrossTheEndOfTheRing() throws {
    var stream = MessageStream(size: 1, depth: 3)
    stream.begin(2, at: 1)
    stream.begin(1, at: 2)
    #expect(stream.room == 0)
    #expect(try stream.receive(1) == 1)
    #expect(starts(1, of: &stream) == [1])
    stream.begin(1, at: 3)
    #expect(try stream.receive(2) == 2)
    #expect(starts(2, of: &stream) == [1, 2])
    stream.begin(2, at: 4)
    #expect(try stream.receive(3) == 3)
    #expect(starts(3, of: &stream) == [3, 4, 4])
    #expect(stream.inFlight == 0)
  }

  /// Against a model that keeps every message by itself, over random traffic of a fixed seed.
  @Test(arguments: [(1, 1), (1, 64), (7, 3), (64, 16), (1000, 5), (65_536, 2)])
  func agreesWithAModel(size: Int, depth: Int) throws {
    var random = Sequence(seed: UInt64(size * 1000 + depth))
    var stream = MessageStream(size: size, depth: depth)
    var ends: [(end: UInt64, start: UInt64)] = []
    var queued: UInt64 = 0
    var received: UInt64 = 0
    var completed = 0
    for time in 1...5000 as ClosedRange<UInt64> {
      if stream.room > 0, random.next(below: 3) > 0 {
        let count = 1 + random.next(below: stream.room)
        stream.begin(count, at: time)
        for _ in 0..<count {
          queued += UInt64(size)
          ends.append((queued, time))
        }
      }
      let outstanding = Int(queued - received)
      #expect(stream.outstanding == UInt64(outstanding))
      guard outstanding > 0 else { continue }
      let count = 1 + random.next(below: min(outstanding, random.next(below: 2) == 0 ? outstanding : size + 1))
      received += UInt64(count)
      let whole = ends.prefix { $0.end <= received }
      #expect(try stream.receive(count) == whole.count)
      #expect(starts(whole.count, of: &stream) == whole.map(\.start))
      completed += whole.count
      ends.removeFirst(whole.count)
      #expect(stream.inFlight == ends.count)
    }
    #expect(completed > 100)
  }

  /// xorshift: the same numbers each time.
  private struct Sequence {
    private var state: UInt64

    init(seed: UInt64) {
      state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    }

    mutating func next(below bound: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int((state >> 11) % UInt64(bound))
    }
  }
}
