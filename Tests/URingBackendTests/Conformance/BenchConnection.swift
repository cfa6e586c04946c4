@testable import URingBackend

/// A connection of a scenario. Both streams carry a known pattern, so that what arrives can be checked byte for byte.
final class BenchConnection {
  let descriptor: Int32
  let peer: any Peer
  /// How many bytes the peer wrote, and how many of them the ring has delivered.
  private var written = 0
  private(set) var delivered = 0
  private(set) var deliveredIntact = true
  /// Where the next send begins in the pattern.
  var nextSend = 0
  /// How many bytes the peer read, and whether they were the right ones.
  private(set) var read = 0
  private(set) var end: PeerEnd?
  private(set) var isIntact = true

  init(descriptor: Int32, peer: any Peer) {
    self.descriptor = descriptor
    self.peer = peer
  }

  /// Repeats every 65,536 bytes, and not before. Made once: unoptimised code takes its time over bytes.
  private static let period: [UInt8] = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }

  static func pattern(_ range: Range<Int>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(range.count)
    var next = range.lowerBound
    while next < range.upperBound {
      let start = next % period.count
      let count = min(range.upperBound - next, period.count - start)
      bytes += period[start..<start + count]
      next += count
    }
    return bytes
  }

  /// The peer writes the next bytes.
  func write(_ count: Int) throws {
    try peer.write(Self.pattern(written..<written + count))
    written += count
  }

  /// Whether these are the next of the bytes that the peer wrote.
  func takesDelivery(of bytes: [UInt8]) -> Bool {
    let isRight = bytes == Self.pattern(delivered..<delivered + bytes.count)
    delivered += bytes.count
    if !isRight { deliveredIntact = false }
    return isRight
  }

  /// The peer reads what there is.
  func drain() throws {
    guard end == nil else { return }
    let (bytes, end) = try peer.read()
    if bytes != Self.pattern(read..<read + bytes.count) { isIntact = false }
    read += bytes.count
    self.end = end
  }
}
