import Sluice

/// Bytes as they may come: cut in two at each place, and byte by byte.
struct Splits: Sequence {
  let bytes: [UInt8]

  init(_ text: String) {
    bytes = Array(text.utf8)
  }

  func makeIterator() -> IndexingIterator<[[[UInt8]]]> {
    let halves = (0...bytes.count).map { [Array(bytes[..<$0]), Array(bytes[$0...])] }
    return (halves + [bytes.map { [$0] }]).makeIterator()
  }
}

extension ByteQueue {
  /// Adds bytes in memory of their own.
  mutating func append(_ bytes: [UInt8], in arena: BufferArena) throws {
    var buffer = try arena.allocate(minimumCapacity: bytes.count)
    try buffer.append(contentsOf: bytes)
    append(try buffer.finish())
  }
}
