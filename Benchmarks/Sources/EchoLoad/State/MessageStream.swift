/// The messages of one connection, as a pure value: where they end in the stream, and when each one began.
///
/// TCP keeps no message apart: what arrives may hold half a message, or seven and a piece. All messages have one size, so
/// a count of the bytes that the oldest one still lacks is enough to find every end.
struct MessageStream {
  /// More bytes came back than were sent.
  struct Excess: Error, Equatable {
    /// Bytes that nobody waited for.
    let bytes: Int
  }

  /// Bytes of a message.
  let size: Int
  /// The most messages that may be in flight.
  let depth: Int
  /// Where in the stream the next message begins: the bytes of all that were begun.
  private(set) var queued: UInt64 = 0
  /// Bytes that came back.
  private(set) var received: UInt64 = 0
  /// Messages that were begun and not finished.
  private(set) var inFlight = 0

  /// Messages that began at one time: the usual case at depths above 1, and one entry for all of them.
  private struct Run {
    var start: UInt64
    var count: Int
  }

  /// What the oldest message in flight still lacks.
  private var missing: Int
  /// When the messages in flight began: a ring, the oldest run at `first`.
  private var runs: [Run]
  private var first = 0
  private var runCount = 0

  /// - Parameters:
  ///   - size: bytes of a message, at least 1.
  ///   - depth: the most messages in flight, at least 1.
  init(size: Int, depth: Int) {
    self.size = size
    self.depth = depth
    missing = size
    runs = Array(repeating: Run(start: 0, count: 0), count: depth)
  }

  /// How many messages may begin now.
  var room: Int { depth - inFlight }

  /// Bytes that are on their way.
  var outstanding: UInt64 { queued - received }

  /// Messages begin, at least one. There must be room for them.
  mutating func begin(_ count: Int, at time: UInt64) {
    precondition(count > 0 && count <= room, "more messages in flight than the depth")
    inFlight += count
    queued += UInt64(size) * UInt64(count)
    // Each run holds at least one message in flight, so there are never more runs than the depth.
    var place = first + runCount
    if place >= depth { place -= depth }
    runs[place] = Run(start: time, count: count)
    runCount += 1
  }

  /// Bytes came back. `finish` must be called for as many messages as were completed.
  ///
  /// - Returns: how many messages are whole now that were not before.
  mutating func receive(_ count: Int) throws(Excess) -> Int {
    guard UInt64(count) <= outstanding else { throw Excess(bytes: count - Int(outstanding)) }
    received += UInt64(count)
    guard count >= missing else {
      missing -= count
      return 0
    }
    let beyond = count - missing
    // The usual case needs no division.
    guard beyond > 0 else {
      missing = size
      return 1
    }
    let (more, piece) = beyond.quotientAndRemainder(dividingBy: size)
    missing = size - piece
    return 1 + more
  }

  /// The oldest messages leave the ring.
  ///
  /// - Parameters:
  ///   - count: how many, at most `inFlight`.
  ///   - body: is told when they began: the time, and how many of them began then.
  @inline(__always)
  mutating func finish(_ count: Int, _ body: (_ start: UInt64, _ count: Int) -> Void) {
    precondition(count <= inFlight, "fewer messages are in flight")
    inFlight -= count
    var left = count
    while left > 0 {
      let run = runs[first]
      let taken = min(left, run.count)
      body(run.start, taken)
      left -= taken
      if taken < run.count {
        runs[first].count -= taken
      } else {
        first += 1
        if first == depth { first = 0 }
        runCount -= 1
      }
    }
  }
}
