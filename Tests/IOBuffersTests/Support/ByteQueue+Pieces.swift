import IOBuffers

extension BufferArena {
  /// A queue of one view for each piece, each in a slot of its own. Empty pieces leave no view.
  func queue(_ pieces: [[UInt8]]) throws -> ByteQueue {
    var queue = ByteQueue()
    for piece in pieces { queue.append(try buffer(piece).finish()) }
    return queue
  }

  /// The bytes cut at the places.
  func queue(_ bytes: [UInt8], cutAt places: [Int]) throws -> ByteQueue {
    try queue(bytes.pieces(cutAt: places))
  }

  /// Nothing of it is lent: no slot is out, no view.
  var isComplete: Bool {
    let statistics = statistics
    return statistics.slotsOut == 0 && (statistics.readersOut ?? 0) == 0 && (statistics.writersOut ?? 0) == 0
  }
}

extension [UInt8] {
  /// The parts between the places, which are ascending and within the array.
  func pieces(cutAt places: [Int]) -> [[UInt8]] {
    var start = 0
    var pieces: [[UInt8]] = []
    for place in places + [count] {
      pieces.append(Array(self[start..<place]))
      start = place
    }
    return pieces
  }

  /// Every way to cut `self` in two, in three, and into single bytes. As lists of places.
  var cuts: [[Int]] {
    var cuts: [[Int]] = [[]]
    for first in 0...count {
      cuts.append([first])
      for second in first...count { cuts.append([first, second]) }
    }
    if count > 1 { cuts.append(Array<Int>(1..<count)) }
    return cuts
  }
}
