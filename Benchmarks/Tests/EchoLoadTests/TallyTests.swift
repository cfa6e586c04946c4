import Testing

@testable import EchoLoad

/// What is counted, and how it is written.
@Suite struct TallyTests {
  @Test func percentilesAreWithinThreeDigits() {
    var tally = Tally()
    for microseconds in 1...1000 as ClosedRange<UInt64> { tally.record(microseconds * 1000) }
    #expect(abs(tally.percentile(50) - 500) < 1)
    #expect(abs(tally.percentile(99.9) - 999) < 2)
    #expect(abs(tally.longest - 1000) < 1)
    #expect(abs(tally.mean - 500.5) < 1)
  }

  @Test func nothingRecordedIsZero() {
    let tally = Tally()
    #expect(tally.percentile(99) == 0)
    #expect(tally.mean == 0)
    #expect(tally.longest == 0)
    #expect(tally.busy == 0)
  }

  @Test func latenciesBeyondTheRangeAreNotLost() {
    var tally = Tally()
    tally.record(.max)
    #expect(tally.recorded == 1)
    // An hour.
    #expect(abs(tally.longest - 3.6e9) < 3.6e7)
  }

  @Test func loopsAddUp() {
    var one = Tally()
    one.messages = 3
    one.begin = 100
    one.end = 200
    one.record(5)
    var two = Tally()
    two.messages = 4
    two.begin = 90
    two.end = 150
    two.record(7, count: 2)
    var sum = Tally()
    sum += one
    sum += two
    #expect(sum.messages == 7)
    #expect(sum.begin == 90)
    #expect(sum.end == 200)
    #expect(sum.recorded == 3)
  }

  @Test(arguments: [
    (0.0, 2, "0.00"), (1.005, 1, "1.0"), (0.04, 1, "0.0"), (-0.04, 1, "0.0"), (-2.5, 1, "-2.5"), (9.99, 1, "10.0"),
    (1234.5, 0, "1235"), (0.0625, 4, "0.0625"), (.infinity, 1, "0"),
  ])
  func numbersAreWritten(value: Double, places: Int, text: String) {
    #expect(value.text(places) == text)
  }

  @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] as [(UInt64, String)])
  func digitsAreGrouped(value: UInt64, text: String) {
    #expect(value.grouped == text)
  }

  @Test func theServersTimeIsReadBehindItsName() {
    let line = "12 (a ) (b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 3 0"
    #expect(ServerTime.ticks(in: Array(line.utf8)) == 200)
    #expect(ServerTime.ticks(in: Array("12 (short) S 1".utf8)) == nil)
    #expect(ServerTime.ticks(in: Array("nothing".utf8)) == nil)
  }
}
