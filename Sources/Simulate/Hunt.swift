import URingBackend
import URingTesting

/// Looks for planted faults: how many seeds it takes until a run fails.
struct Hunt {
  let workloads: [Workload]
  let seeds: UInt64
  let first: UInt64

  /// What became of one fault.
  struct Catch {
    let fault: PlantedFault
    /// Seeds that were run, the last of which found it; nil: none did.
    let seeds: UInt64?
    let workload: String
    let message: String
  }

  /// The faults of a name, or all of them. Nil: there is no such fault.
  static func faults(_ name: String) -> [PlantedFault]? {
    name == "all" ? PlantedFault.allCases : PlantedFault(rawValue: name).map { [$0] }
  }

  func look(for fault: PlantedFault) -> Catch {
    PlantedFault.plant(fault)
    defer { PlantedFault.plant(nil) }
    for number in 0..<seeds {
      let workload = workloads[Int(number % UInt64(workloads.count))]
      let result = SimulatedRun(workload, choices: Choices(seed: first &+ number)).run()
      if let message = result.failures.first {
        return Catch(fault: fault, seeds: number + 1, workload: workload.name, message: message)
      }
    }
    return Catch(fault: fault, seeds: nil, workload: "", message: "NOT FOUND in \(seeds) seeds")
  }

  /// Looks for all of these, and prints a line of a table for each. False: one was not found.
  func run(_ faults: [PlantedFault]) -> Bool {
    var found = 0
    print("| planted fault | seeds until found | in | by |")
    print("| --- | --: | --- | --- |")
    for fault in faults {
      let result = look(for: fault)
      if result.seeds != nil { found += 1 }
      let message = String(result.message.prefix(150))
      print("| \(fault.rawValue) | \(result.seeds.map { "\($0)" } ?? "-") | \(result.workload) | \(message) |")
    }
    print("\(found) of \(faults.count) planted faults found, each within \(seeds) seeds")
    return found == faults.count
  }
}
