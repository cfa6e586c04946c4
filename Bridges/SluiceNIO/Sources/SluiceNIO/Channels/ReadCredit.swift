/// What a channel may give to its handlers now, as a value: one read takes one batch, of so many messages at most.
struct ReadCredit {
  /// Whether the end of a batch asks for the next.
  var isAutomatic = true
  /// Whether somebody has asked for a batch that has not begun.
  var isWanted = false
  /// Messages in a batch, at most.
  var largestBatch: UInt = 4
  /// Messages of the batch that has begun; nobody has been told of its end.
  private(set) var batch: UInt = 0

  /// Takes leave to deliver a message, as the first of the batch that is wanted or as one more of the batch that has begun.
  ///
  /// - Parameter unasked: also when nobody asked.
  mutating func take(unasked: Bool = false) -> Bool {
    guard batch == 0 ? isWanted || unasked : batch < largestBatch else { return false }
    batch += 1
    isWanted = false
    return true
  }

  /// Whether a batch ends with this.
  mutating func endBatch() -> Bool {
    defer { batch = 0 }
    return batch > 0
  }
}
