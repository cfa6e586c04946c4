import ArgumentParser
import URingBackend
import URingTesting

/// Runs the engine on the simulated kernel, seed after seed.
@main
struct Simulate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "Simulate",
    abstract: "Runs servers on a simulated kernel and network whose faults are drawn from seeds.",
    discussion: """
      Every decision of a run comes out of its seed: which faults there are, when bytes arrive, what clients and user code \
      do. Everything is checked: each stream byte by byte, every end, and that nothing is left. A seed that fails is \
      repeated, its choices are made as quiet as they can be while it fails, and what is left is printed, with the command \
      that repeats it.

      Try it: `Simulate --seeds 1000`, `Simulate --workload pressure-tasks --seed 17 --trace`. In a build of which \
      SLUICE_PLANTED_FAULTS=1 was asked for: `Simulate --planted all`.
      """
  )

  @Option(
    help: ArgumentHelp(
      "Which workload, by name; several with commas. Without it all of them, in turns.",
      valueName: "names"
    )
  )
  var workload: String?

  @Option(help: ArgumentHelp("How many seeds.", valueName: "number"))
  var seeds: UInt64?

  @Option(help: ArgumentHelp("The first seed.", valueName: "seed"))
  var first: UInt64 = 1

  @Option(help: ArgumentHelp("Runs this one seed, and says what came of it.", valueName: "seed"))
  var seed: UInt64?

  @Flag(help: "With --seed: print everything that happened.")
  var trace = false

  @Option(help: ArgumentHelp("Runs the same seed twice each so many seeds, and compares.", valueName: "number"))
  var twice: UInt64 = 50

  @Option(
    help: ArgumentHelp(
      "Makes this mistake on purpose, or each of 'all' in turn, and says how many seeds find it; 5000 at most, or --seeds.",
      valueName: "name"
    )
  )
  var planted: String?

  @Flag(help: "Say how far it is, every so often, on the standard error.")
  var progress = false

  @Flag(help: "Print the names of the workloads, and exit.")
  var list = false

  func run() throws {
    let known = Workload.all
    if list {
      for workload in known { print(workload.name) }
      return
    }
    let names = workload?.split(separator: ",").map(String.init)
    let chosen = names.map { names in known.filter { names.contains($0.name) } } ?? known
    guard !chosen.isEmpty, names.map({ $0.count == chosen.count }) ?? true else {
      throw ValidationError("no such workload; --list has their names")
    }
    if let planted, seed == nil { return try hunt(planted, chosen) }
    if let planted { try plant(planted) }
    if let seed {
      var failed = false
      for workload in chosen where !show(workload, seed) { failed = true }
      if failed { throw ExitCode(1) }
    } else {
      try runAll(chosen)
    }
  }

  private func hunt(_ name: String, _ workloads: [Workload]) throws {
    let faults = try faults(name)
    guard Hunt(workloads: workloads, seeds: seeds ?? 5000, first: first).run(faults) else { throw ExitCode(1) }
  }

  /// Plants one fault for a run of one seed.
  private func plant(_ name: String) throws {
    let faults = try faults(name)
    guard faults.count == 1 else { throw ValidationError("--seed takes one planted fault") }
    PlantedFault.plant(faults[0])
  }

  private func faults(_ name: String) throws -> [PlantedFault] {
    guard PlantedFault.isAvailable else {
      throw ValidationError(
        "this build contains no planted faults: build it with SLUICE_PLANTED_FAULTS=1 in the environment"
      )
    }
    guard let faults = Hunt.faults(name) else {
      throw ValidationError("no such fault: \(PlantedFault.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return faults
  }

  /// One seed, for reading. False: it failed.
  private func show(_ workload: Workload, _ seed: UInt64) -> Bool {
    let result = SimulatedRun(
      workload,
      choices: Choices(seed: seed, recording: true),
      traceLimit: trace ? 100_000 : 0
    ).run()
    for line in result.trace { print(line) }
    print(
      "\(workload.name), seed \(seed): \(result.turns) turns, \(result.choiceCount) choices, \(result.time / 1000) us"
    )
    guard !result.failures.isEmpty else { return true }
    print(Failure(workload, seed, result).report())
    return false
  }

  private func runAll(_ workloads: [Workload]) throws {
    let seeds = seeds ?? 1000
    let start = ContinuousClock.now
    var said = start
    var turns = 0
    var served = 0
    var reached = LoopStatistics()
    var failures = 0
    for number in 0..<seeds {
      let seed = first &+ number
      let workload = workloads[Int(number % UInt64(workloads.count))]
      let result = SimulatedRun(workload, choices: Choices(seed: seed)).run()
      turns += result.turns
      served += result.served
      reached += result.statistics
      if !result.failures.isEmpty {
        failures += 1
        print(Failure(workload, seed, result).report())
        if failures == 5 {
          print("five seeds failed: no more are run")
          throw ExitCode(1)
        }
      } else if twice > 0, number % twice == 0 {
        let again = SimulatedRun(workload, choices: Choices(seed: seed)).run()
        if again.fingerprint != result.fingerprint {
          print("\(workload.name), seed \(seed): two runs differ: \(result.fingerprint) and \(again.fingerprint)")
          throw ExitCode(1)
        }
      }
      if progress, ContinuousClock.now - said > .seconds(10) {
        said = .now
        say("\(number + 1) of \(seeds) seeds, \(failures) failed, \(said - start)")
      }
    }
    let time = ContinuousClock.now - start
    print("\(seeds) seeds, \(failures) failed, \(turns) turns, \(served) clients served, \(time)")
    print(Coverage.describe(reached))
    if failures > 0 { throw ExitCode(1) }
  }
}
