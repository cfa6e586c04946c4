import Testing

@testable import URingBackend

/// Drivers that are wrong are found: the scenarios can fail.
struct ConformanceCanaryTests {
  @Test(arguments: FaultyDriver.Fault.allCases)
  func aDriverThatIsWrongIsFound(fault: FaultyDriver.Fault) throws {
    // One is enough.
    let found = try Scenario.all.first { scenario in
      guard !scenario.isSlow, scenario.exception == nil else { return false }
      let answers = try scenario.answers(runs: 1, patience: .seconds(fault == .none ? 20 : 2)) {
        LoopbackKernel {
          FaultyDriver(try ReadinessDriver(entries: $0, completionEntries: $1), fault: fault)
        }
      }
      return !answers.isSubset(of: RecordedAnswers.answers[scenario.name] ?? [])
    }
    #expect((found == nil) == (fault == .none), "\(fault): \(found?.name ?? "not found")")
  }
}
