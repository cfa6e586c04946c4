import Testing
import URingTesting

/// The engine on the simulated kernel: a few seeds of each workload. `scripts/simulate` runs many.
struct WorkloadTests {
  @Test(arguments: Workload.all.map(\.name))
  func aFewSeedsOfEachWorkloadFindNothing(name: String) throws {
    let workload = try #require(Workload.all.first { $0.name == name })
    for seed in UInt64(1)...3 {
      let result = SimulatedRun(workload, choices: Choices(seed: seed)).run()
      #expect(result.failures.isEmpty, "seed \(seed)")
    }
  }

  @Test func everyWorkloadHasANameOfItsOwn() {
    #expect(Set(Workload.all.map(\.name)).count == Workload.all.count)
  }

  @Test(arguments: ["echo-handlers", "churn-tasks", "hostile-handlers", "attack-tasks", "proxy-tasks"])
  func theSameSeedGivesTheSameRun(name: String) throws {
    let workload = try #require(Workload.all.first { $0.name == name })
    for seed in UInt64(11)...13 {
      let first = SimulatedRun(workload, choices: Choices(seed: seed), traceLimit: 100_000).run()
      let second = SimulatedRun(workload, choices: Choices(seed: seed), traceLimit: 100_000).run()
      #expect(first.fingerprint == second.fingerprint)
      #expect(first.trace == second.trace)
    }
  }

  @Test func otherSeedsGiveOtherRuns() throws {
    let workload = try #require(Workload.all.first)
    let prints = (UInt64(1)...8).map { SimulatedRun(workload, choices: Choices(seed: $0)).run().fingerprint }
    #expect(Set(prints).count > 1)
  }
}
