/// The rounds of a fan-out that are in flight, as a pure value: a round is a message that every connection is to receive.
struct FanoutRounds {
  /// The most rounds in flight.
  let depth: Int
  /// Rounds that were published.
  private(set) var published: UInt64 = 0
  /// Rounds that every receiver has.
  private(set) var completed: UInt64 = 0
  /// How many receivers each round in flight still lacks.
  private var missing: [Int]

  /// - Parameter depth: the most rounds in flight, at least 1.
  init(depth: Int) {
    self.depth = depth
    missing = Array(repeating: 0, count: depth)
  }

  /// How many rounds may be published now.
  var room: Int { depth - Int(published - completed) }

  /// A round begins; `receivers` connections are to have it. There must be room.
  mutating func publish(receivers: Int) {
    precondition(room > 0, "more rounds in flight than the depth")
    missing[Int(published % UInt64(depth))] = receivers
    published += 1
  }

  /// One more connection has round `round`, which must be in flight.
  ///
  /// - Returns: whether it was the last one. Each receives in order, so rounds become whole in order.
  mutating func receive(_ round: UInt64) -> Bool {
    precondition(round >= completed && round < published, "the round is not in flight")
    let place = Int(round % UInt64(depth))
    missing[place] -= 1
    guard missing[place] == 0 else { return false }
    completed += 1
    return true
  }
}
