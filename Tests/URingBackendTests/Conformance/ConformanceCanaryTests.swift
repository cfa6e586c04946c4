import Testing

@testable import URingBackend

/// Drivers that are wrong are found: the scenarios can fail.
struct ConformanceCanaryTests {
  @Test(arguments: FaultyDriver.Fault.allCases)
  func aDriverThatIsWrongIsFound(fault: FaultyDriver.Fault) throws {
    var found: [String] = []
    for scenario in Scenario.all where !scenario.isSlow && scenario.exception == nil {
      let answer = try scenario.answer(patience: .milliseconds(fault == .none ? 20_000 : 200)) {
        LoopbackKernel {
          FaultyDriver(try ReadinessDriver.make(entries: $0, completionEntries: $1), fault: fault)
        }
      }
      if RecordedAnswers.answers[scenario.name]?.contains(answer) != true { found.append(scenario.name) }
      // One is enough.
      if !found.isEmpty { break }
    }
    #expect(found.isEmpty == (fault == .none), "\(fault): \(found)")
  }
}
