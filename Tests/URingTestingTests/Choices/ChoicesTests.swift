import Testing

@testable import URingTesting

struct ChoicesTests {
  private func draws(_ choices: inout Choices) -> [UInt32] {
    (0..<2000).map { index in
      let site = Site.allCases[index % Site.allCases.count]
      return choices.draw(site, below: UInt32(2 + index % 1000))
    }
  }

  @Test func theSameSeedDrawsTheSame() {
    var first = Choices(seed: 7)
    var second = Choices(seed: 7, recording: true)
    var other = Choices(seed: 8)
    let drawn = draws(&first)
    #expect(drawn == draws(&second))
    #expect(drawn != draws(&other))
    #expect(second.values == drawn && first.recorded.isEmpty && first.count == 2000)
  }

  @Test func aRecordedListRepeatsTheRun() {
    var first = Choices(seed: 3, recording: true)
    let drawn = draws(&first)
    var second = Choices(replaying: first.values, recording: true)
    #expect(draws(&second) == drawn)
    #expect(second.recorded == first.recorded)
  }

  @Test func behindTheEndOfAListEverythingIsQuiet() {
    var choices = Choices(replaying: [1, 5])
    #expect(choices.happens(.shortSend) == true)
    #expect(choices.draw(.segmentDelay, below: 10) == 5)
    #expect((0..<100).allSatisfy { _ in choices.draw(.segmentDelay, below: 10) == 0 })
  }

  @Test func everyValueIsBelowItsBound() {
    for seed in 0..<200 {
      var choices = Choices(seed: UInt64(seed))
      for index in 0..<400 {
        let bound = UInt32(1 + index % 7)
        let site = Site.allCases[index % Site.allCases.count]
        #expect(choices.draw(site, below: bound) < bound)
      }
    }
    var choices = Choices(replaying: [1000])
    #expect(choices.draw(.segmentDelay, below: 10) == 9)
  }

  @Test func whereThereIsNothingToChooseNothingIsDrawn() {
    var choices = Choices(replaying: [3])
    #expect(choices.draw(.segmentDelay, below: 1) == 0 && choices.draw(.segmentDelay, below: 0) == 0)
    #expect(choices.count == 0)
    #expect(choices.draw(.segmentDelay, below: 9) == 3)
  }

  @Test func manySitesAreQuietInARunAndEachStrikesInSome() {
    var striking = Set<Site>()
    var quiet = 0
    for seed in 0..<200 {
      var choices = Choices(seed: UInt64(seed))
      for site in Site.allCases where !site.isSevere {
        let strikes = (0..<2000).contains { _ in choices.happens(site) }
        if strikes { striking.insert(site) } else { quiet += 1 }
      }
    }
    let ordinary = Site.allCases.filter { !$0.isSevere }
    #expect(striking == Set(ordinary))
    #expect((0.4...0.6).contains(Double(quiet) / Double(200 * ordinary.count)))
  }

  @Test func probabilitiesCanBeGiven() {
    var choices = Choices(seed: 1, only: [.shortSend: 1, .clog: 0.5])
    let clogs = (0..<1000).count { _ in choices.happens(.clog) }
    #expect((400...600).contains(clogs))
    #expect((0..<100).allSatisfy { _ in choices.happens(.shortSend) && !choices.happens(.segmentDelay) })
  }
}
