import FuzzLoop
import URingTesting

/// The bytes are the choices of a run on the simulated kernel: the first says which workload, each further one is a choice.
/// Whatever they are, the run must end well.
private func fuzzSimulation(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count > 1 else { return 0 }
  let workloads = Workload.all
  // The fuzzer's memory, there for as long as the call.
  let first = unsafe bytes[0]
  let list = (1..<count).map { unsafe value(bytes[$0]) }
  let workload = workloads[Int(first) % workloads.count]
  let result = SimulatedRun(workload, choices: Choices(replaying: list)).run()
  precondition(result.failures.isEmpty, "\(workload.name): \(result.failures)")
  return 0
}

/// Small values are what they are, so that one byte can be any small choice; large ones reach far.
private func value(_ byte: UInt8) -> UInt32 {
  byte < 192 ? UInt32(byte) : UInt32(byte - 191) * 1024
}

@main
enum FuzzSimulation {
  static func main() {
    unsafe fuzz { bytes, count in unsafe fuzzSimulation(bytes, count) }
  }
}
