import Glibc
import URingTesting

/// A run that failed, and what it comes down to.
struct Failure {
  let workload: Workload
  let seed: UInt64
  let result: SimulatedRun.Result

  init(_ workload: Workload, _ seed: UInt64, _ result: SimulatedRun.Result) {
    self.workload = workload
    self.seed = seed
    self.result = result
  }

  /// What was wrong, the command that repeats it, and the quietest run that fails in the same way.
  func report() -> String {
    let kind = Failure.kind(result.failures)
    let recorded = SimulatedRun(workload, choices: Choices(seed: seed, recording: true)).run().choices.map(\.value)
    let quiet = Minimizer(attempts: 400).minimize(recorded) { list in
      Failure.kind(SimulatedRun(workload, choices: Choices(replaying: list)).run().failures) == kind
    }
    let last = SimulatedRun(workload, choices: Choices(replaying: quiet, recording: true), traceLimit: 20_000).run()
    let strikes = last.choices.filter { $0.value > 0 }.map { "\($0.site)=\($0.value)" }
    return """
      FAILED  \(workload.name), seed \(seed): \(result.failures.prefix(4).joined(separator: "; "))
        again:    Simulate --workload \(workload.name) --seed \(seed) --trace
        of \(recorded.count) choices \(strikes.count) matter: \(strikes.prefix(40).joined(separator: " "))
        the quietest run that fails (\(last.failures.first ?? "it does not fail when it is repeated")), its last lines:
          \(last.trace.suffix(60).joined(separator: "\n    "))
      """
  }

  /// What a failure is told by: its words without the numbers.
  static func kind(_ failures: [String]) -> String {
    failures.first.map { String($0.filter { !$0.isNumber }.prefix(40)) } ?? ""
  }
}

/// A line on the standard error.
func say(_ line: String) {
  // The call reads as many bytes as the text has, during the call.
  var text = line + "\n"
  text.withUTF8 { _ = unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
