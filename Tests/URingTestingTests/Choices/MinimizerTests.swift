import Testing

@testable import URingTesting

struct MinimizerTests {
  private func noise(_ count: Int) -> [UInt32] {
    var generator = SplitMix64(seed: 11)
    return (0..<count).map { _ in UInt32.random(in: 0..<50, using: &generator) }
  }

  private func at(_ list: [UInt32], _ place: Int) -> UInt32 { place < list.count ? list[place] : 0 }

  @Test func onlyWhatMattersRemains() {
    var list = noise(3000)
    list[17] = 30
    list[900] = 44
    var runs = 0
    let smallest = Minimizer().minimize(list) { candidate in
      runs += 1
      return at(candidate, 17) >= 5 && at(candidate, 900) >= 1
    }
    var expected = [UInt32](repeating: 0, count: 901)
    expected[17] = 5
    expected[900] = 1
    #expect(smallest == expected)
    #expect(runs <= 2000)
  }

  @Test func aListThatDoesNotFailComesBackAsItIs() {
    let list = noise(100)
    #expect(Minimizer().minimize(list) { _ in false } == list)
  }

  @Test func whatFailsWithoutAnyChoiceIsEmpty() {
    #expect(Minimizer().minimize(noise(100)) { _ in true } == [])
  }

  @Test func theAttemptsAreBoundedAndTheResultStillFails() {
    let list = noise(5000)
    func fails(_ candidate: [UInt32]) -> Bool { candidate.count { $0 > 0 } >= 300 }
    var runs = 0
    let result = Minimizer(attempts: 60).minimize(list) { candidate in
      runs += 1
      return fails(candidate)
    }
    #expect(runs <= 60 && fails(result) && result.count < list.count)
  }

  @Test func choicesThatOnlyFailTogetherAreKeptTogether() {
    let list = noise(400).map { $0 + 1 }
    let smallest = Minimizer().minimize(list) { candidate in
      at(candidate, 5) > 0 && at(candidate, 6) == at(candidate, 5) &+ (list[6] &- list[5])
        || (at(candidate, 300) > 0 && at(candidate, 10) > 0)
    }
    #expect(smallest.count { $0 > 0 } == 2)
  }
}
