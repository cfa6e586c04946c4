import Testing

@testable import EchoLoad

/// How much a phase may begin.
@Suite struct QuotaTests {
  @Test func aNumberIsHandedOutExactly() {
    var quota = Quota(.messages(10), now: 0)
    #expect(quota.take(4, now: 1) == 4)
    #expect(quota.take(0, now: 1) == 0)
    #expect(quota.take(-1, now: 1) == 0)
    #expect(!quota.isUsedUp)
    #expect(quota.take(100, now: .max - 1) == 6)
    #expect(quota.isUsedUp)
    #expect(quota.take(1, now: 2) == 0)
    #expect(quota.begun == 10)
  }

  @Test func timeEndsItAtTheDeadline() {
    var quota = Quota(.time(100), now: 1000)
    #expect(quota.take(3, now: 1099) == 3)
    #expect(!quota.isUsedUp)
    #expect(quota.take(3, now: 1100) == 0)
    #expect(quota.isUsedUp)
    #expect(quota.begun == 3)
  }

  @Test func aStopEndsIt() {
    var quota = Quota(.messages(10), now: 0)
    #expect(quota.take(2, now: 0) == 2)
    quota.stop()
    #expect(quota.isUsedUp)
    #expect(quota.take(1, now: 0) == 0)
  }

  @Test(arguments: [(10, 1), (10, 3), (2, 5), (0, 2)] as [(UInt64, UInt64)])
  func sharesAddUp(total: UInt64, count: UInt64) {
    let shares = (0..<count).map { LoadPlan.share(of: total, index: $0, among: count) }
    #expect(shares.reduce(0, +) == total)
    #expect((shares.max() ?? 0) - (shares.min() ?? 0) <= 1)
  }
}
