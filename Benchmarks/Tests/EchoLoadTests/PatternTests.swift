import IOBuffers
import Testing

@testable import EchoLoad

/// The table that messages are cut from and compared with.
@Suite struct PatternTests {
  @Test func aStreamEqualsItselfAtAnyPosition() throws {
    let pattern = try Pattern(in: BufferArena())
    for position in [0, 1, 65_520, 65_521, 65_522, 1_000_000_007] as [UInt64] {
      let slice = try pattern.slice(at: position, count: 70_001)
      let same = pattern.firstDifference(in: slice, at: position)
      #expect(same == nil)
      // One byte off is noticed at once, or nearly so.
      let place = pattern.firstDifference(in: slice, at: position + 1)
      #expect((place ?? .max) < 16)
    }
  }

  @Test(arguments: [0, 1, 7, 8, 9, 63, 64, 99])
  func theFirstWrongByteIsFound(place: Int) throws {
    let arena = try BufferArena()
    let pattern = try Pattern(in: arena)
    let right = try pattern.slice(at: 12_345, count: 100)
    var bytes: [UInt8] = []
    for index in 0..<100 { bytes.append(right[index]) }
    bytes[place] ^= 0x40
    if place < 90 { bytes[95] ^= 1 }
    var buffer = try arena.allocate(minimumCapacity: 100)
    try buffer.append(contentsOf: bytes)
    let wrong = try buffer.finish()
    let found = pattern.firstDifference(in: wrong, at: 12_345)
    #expect(found == place)
  }
}
