/// One thing to be measured.
struct Benchmark: Sendable {
  /// What one operation is.
  let name: String
  /// Does so many operations, and says how many nanoseconds they took, without what had to be prepared for them.
  let run: @Sendable (_ operations: Int) async throws -> UInt64

  static let all: [Benchmark] = BufferBenchmarks.all + RingBenchmarks.all + LoopBenchmarks.all + TimerBenchmarks.all

  /// Finds a number of operations that takes long enough, and does it `rounds` times after once to warm up.
  func measure(rounds: Int, roundNanoseconds: UInt64) async throws -> Measurement {
    var operations = 64
    while try await run(operations) < roundNanoseconds, operations < 1 << 30 { operations *= 2 }
    var samples: [Double] = []
    for _ in 0..<rounds {
      samples.append(Double(try await run(operations)) / Double(operations))
    }
    return Measurement(name: name, operations: operations, samples: samples.sorted())
  }
}
