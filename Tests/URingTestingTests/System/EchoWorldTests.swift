import Testing

@testable import URingTesting

/// Whole runs: a program on the system calls, its peers, and whatever the choices do to them.
struct EchoWorldTests {
  @Test func aCorrectProgramSurvivesEverySeed() {
    var resets = 0
    var echoed = 0
    for seed in 0..<300 as Range<UInt64> {
      let world = EchoWorld(Choices(seed: seed))
      let failures = world.run()
      #expect(failures == [], "seed \(seed)")
      resets += world.resets
      echoed += world.echoed
    }
    #expect(resets > 0 && echoed > 1_000_000)
  }

  @Test func withoutFaultsEverythingComesBack() {
    let world = EchoWorld(.quiet)
    #expect(world.run() == [] && world.resets == 0 && world.echoed == 4 * 3000 + 6)
  }

  @Test func theSameSeedHasTheSameTrace() {
    for seed in [3, 4, 5] as [UInt64] {
      let first = EchoWorld(Choices(seed: seed, recording: true), traceLimit: 100_000)
      let second = EchoWorld(Choices(seed: seed), traceLimit: 100_000)
      #expect(first.run() == second.run())
      let lines = first.system.network.trace.lines
      #expect(lines.count > 50 && lines == second.system.network.trace.lines)
      let third = EchoWorld(Choices(replaying: first.system.network.choices.values), traceLimit: 100_000)
      _ = third.run()
      #expect(lines == third.system.network.trace.lines)
    }
  }

  @Test func aTraceThatNobodyWantsIsEmptyAndOneThatIsFullSaysSo() {
    let silent = EchoWorld(.quiet)
    _ = silent.run()
    #expect(silent.system.network.trace.lines.isEmpty)
    let short = EchoWorld(.quiet, traceLimit: 10)
    _ = short.run()
    #expect(short.system.network.trace.lines.count == 10 && short.system.network.trace.dropped > 0)
  }

  @Test(arguments: [EchoProgram.Mistake.forgetsShortSends, .leaksResets, .closesTwice])
  func aMistakeIsFoundAndItsRunMadeSmall(mistake: EchoProgram.Mistake) throws {
    func world(_ choices: Choices) -> EchoWorld {
      let world = EchoWorld(choices, mistake: mistake, peers: 2, bytes: 1500)
      world.turnLimit = 2000
      return world
    }
    func fails(_ list: [UInt32]) -> Bool { !world(Choices(replaying: list)).run().isEmpty }
    let seeds = 0..<200 as Range<UInt64>
    let seed = try #require(seeds.first { !world(Choices(seed: $0)).run().isEmpty })
    let failing = world(Choices(seed: seed, recording: true))
    let failures = failing.run()
    let values = failing.system.network.choices.values
    let smallest = Minimizer(attempts: 150).minimize(values, fails: fails)
    #expect(fails(smallest))
    #expect(smallest.count { $0 > 0 } <= 3)
    print(
      "\(mistake): seed \(seed), \(failures.first ?? ""), \(values.count { $0 > 0 }) -> \(smallest.count { $0 > 0 })"
    )
  }
}
