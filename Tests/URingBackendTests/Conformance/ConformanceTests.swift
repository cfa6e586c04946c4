import Testing

@testable import URingBackend

/// Drivers that stand in for io_uring do what it does.
///
/// A scenario may have several right answers: those that the kernel gave, in many runs of this test and in those that are
/// recorded. See docs/conformance.md.
struct ConformanceTests {
  private static let runs = TestRun.amount(15, short: 10, long: 200)

  @Test(arguments: ConformingDriver.allCases, Scenario.all)
  func aDriverAnswersAsTheKernelDoes(driver: ConformingDriver, scenario: Scenario) throws {
    let answers = try scenario.answers(runs: Self.runs) { driver.makeKernel() }
    var allowed = RecordedAnswers.answers[scenario.name] ?? []
    // What is not recorded may still be right: the kernel is asked in more runs than a driver has. An exception is one however
    // rarely it is seen.
    let rounds = Self.hasKernel(for: scenario) ? (scenario.exception == nil ? 10 : 1) : 0
    for _ in 0..<rounds where !answers.isSubset(of: allowed) {
      allowed.formUnion(try scenario.answers(runs: Self.runs, of: ConformingDriver.makeReference))
    }
    let wrong = answers.subtracting(allowed)
    let report = Self.report(scenario, "\(driver)", wrong, allowed)
    if scenario.exception == nil {
      #expect(wrong.isEmpty, "\(report)")
    } else {
      // An exception that is none any more has to go.
      #expect(!wrong.isEmpty, "no exception any more: \(scenario.name)")
    }
  }

  @Test(.enabled(if: hasKernel), arguments: Scenario.all)
  func theKernelAnswersAsRecorded(scenario: Scenario) throws {
    guard Self.hasKernel(for: scenario), !Self.records else { return }
    let tally = try scenario.tally(runs: Self.runs, of: ConformingDriver.makeReference)
    let recorded = RecordedAnswers.answers[scenario.name] ?? []
    let unrecorded = tally.filter { !recorded.contains($0.key) }
    guard !unrecorded.isEmpty else { return }
    // Another kernel answers otherwise in most runs. What a run in ten does is the moment's: a warning, to look at.
    let isRare = unrecorded.values.reduce(0, +) * 2 < tally.values.reduce(0, +)
    let report = Self.report(scenario, "this kernel", Set(unrecorded.keys), recorded)
    Issue.record("\(report); SLUICE_RECORD=1 records anew", severity: isRare ? .warning : .error)
  }

  @Test(.enabled(if: records && hasKernel)) func theKernelIsRecorded() throws {
    for (family, scenarios) in Scenario.families {
      var answers: [(name: String, answers: Set<Answer>)] = []
      for scenario in scenarios {
        answers.append((scenario.name, try scenario.answers(runs: 40, of: ConformingDriver.makeReference)))
      }
      try RecordedAnswers.write(family, answers)
    }
  }

  @Test func namesAreUniqueAndAllAnswersAreRecorded() {
    let names = Scenario.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.filter { RecordedAnswers.answers[$0] == nil } == [] || Self.records)
    #expect(RecordedAnswers.answers.keys.filter { !names.contains($0) } == [] || Self.records)
  }

  // MARK: The kernel

  private static let records = TestRun.isSet("SLUICE_RECORD")
  private static var hasKernel: Bool { (try? KernelFeatures.here.get()) != nil }

  /// Whether io_uring is there, with what a scenario needs.
  private static func hasKernel(for scenario: Scenario) -> Bool {
    guard let features = try? KernelFeatures.here.get() else { return false }
    return scenario.needs.allSatisfy { features.has($0) }
  }

  private static func report(_ scenario: Scenario, _ who: String, _ wrong: Set<Answer>, _ allowed: Set<Answer>)
    -> String
  {
    """
    \(scenario.name)
      \(who) answers
    \(wrong.sorted().map(\.description).joined(separator: "  or\n"))  and may answer
    \(allowed.sorted().map(\.description).joined(separator: "  or\n"))
    """
  }
}
