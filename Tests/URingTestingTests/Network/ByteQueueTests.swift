import Testing

@testable import URingTesting

struct ByteQueueTests {
  @Test func bytesComeOutInTheOrderInWhichTheyWentIn() {
    var queue = ByteQueue()
    var generator = SplitMix64(seed: 5)
    var next: UInt8 = 0
    var expected: UInt8 = 0
    for _ in 0..<2000 {
      let bytes = (0..<Int.random(in: 0...700, using: &generator)).map { _ in
        defer { next &+= 1 }
        return next
      }
      unsafe bytes.withUnsafeBytes { unsafe queue.append($0) }
      var taken = [UInt8](repeating: 0, count: Int.random(in: 0...queue.count, using: &generator))
      unsafe taken.withUnsafeMutableBytes { unsafe queue.take(into: $0) }
      for byte in taken {
        #expect(byte == expected)
        expected &+= 1
      }
    }
    #expect(UInt8(truncatingIfNeeded: queue.count) == next &- expected)
  }

  @Test func whatIsCutOffIsTheEnd() {
    var queue = ByteQueue()
    unsafe [UInt8](0..<10).withUnsafeBytes { unsafe queue.append($0) }
    queue.truncate(to: 3)
    unsafe [UInt8](20..<22).withUnsafeBytes { unsafe queue.append($0) }
    var taken = [UInt8](repeating: 0, count: 5)
    unsafe taken.withUnsafeMutableBytes { unsafe queue.take(into: $0) }
    #expect(taken == [0, 1, 2, 20, 21] && queue.count == 0)
  }
}
