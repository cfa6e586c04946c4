import Testing
import URingTesting

/// A run that fails can be repeated, by its seed and by its choices, and made smaller.
struct FailureReplayTests {
  /// Asks for what cannot be: everybody served in so few turns.
  private func impossible() throws -> Workload {
    var workload = try #require(Workload.all.first { $0.name == "echo-handlers" })
    workload.mostTurns = 3
    return workload
  }

  @Test func aFailingRunFailsInTheSameWayAgain() throws {
    let workload = try impossible()
    for seed in UInt64(1)...5 {
      let first = SimulatedRun(workload, choices: Choices(seed: seed, recording: true), traceLimit: 10_000).run()
      let second = SimulatedRun(workload, choices: Choices(seed: seed), traceLimit: 10_000).run()
      #expect(!first.failures.isEmpty)
      #expect(first.failures == second.failures)
      #expect(first.trace == second.trace)
    }
  }

  @Test func theRecordedChoicesRepeatItWithoutTheSeed() throws {
    let workload = try impossible()
    let first = SimulatedRun(workload, choices: Choices(seed: 3, recording: true)).run()
    let again = SimulatedRun(workload, choices: Choices(replaying: first.choices.map(\.value))).run()
    #expect(again.fingerprint == first.fingerprint)
  }

  @Test func itsChoicesAreMadeQuietWhileItFails() throws {
    let workload = try impossible()
    let first = SimulatedRun(workload, choices: Choices(seed: 3, recording: true)).run()
    let quiet = Minimizer(attempts: 100).minimize(first.choices.map(\.value)) { list in
      !SimulatedRun(workload, choices: Choices(replaying: list)).run().failures.isEmpty
    }
    #expect(quiet.count { $0 > 0 } < first.choices.count { $0.value > 0 })
    #expect(!SimulatedRun(workload, choices: Choices(replaying: quiet)).run().failures.isEmpty)
  }
}
