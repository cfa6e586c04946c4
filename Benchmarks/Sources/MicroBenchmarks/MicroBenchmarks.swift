import ArgumentParser
import Glibc

/// What the parts cost, one by one, without a network.
///
/// Several parts are internal to `URingBackend`. So this is built with testing enabled, and only when asked for, because a
/// plain release build has no such access:
///
///     SLUICE_MICRO_BENCHMARKS=1 swift build -c release -Xswiftc -enable-testing --scratch-path .build-micro \
///       --product MicroBenchmarks
///
/// `TimerQueue.swift` is a link to the package's own file: a generic type of another module would run unspecialized.
@main
struct MicroBenchmarks: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "MicroBenchmarks",
    abstract: "Nanoseconds that the parts take: buffers, views, rings, tasks, timers.",
    discussion: """
      Each benchmark is calibrated until a round takes long enough, runs a warm-up, then several rounds; the table has the \
      median round and the spread. Build it with: SLUICE_MICRO_BENCHMARKS=1 swift build -c release -Xswiftc \
      -enable-testing --scratch-path .build-micro --product MicroBenchmarks

      Internals are called across modules here: what the engine inlines (the ring, the buffer ring) is a call here, a \
      nanosecond or two more.
      """
  )

  @Option(help: "Only those whose name contains this.")
  var filter: String?

  @Option(help: "Measured rounds of each.")
  var rounds = 15

  @Option(help: "Milliseconds that one round takes at least.")
  var roundMilliseconds = 50

  @Flag(help: "Print one line of JSON instead of the table.")
  var json = false

  @Flag(help: "Print the names and exit.")
  var list = false

  func validate() throws {
    guard rounds >= 1, rounds <= 10_000 else { throw ValidationError("--rounds must be from 1 to 10000.") }
    guard roundMilliseconds >= 1, roundMilliseconds <= 10_000 else {
      throw ValidationError("--round-milliseconds must be from 1 to 10000.")
    }
  }

  func run() async throws {
    let chosen = Benchmark.all.filter { filter.map($0.name.contains) ?? true }
    guard !chosen.isEmpty else { throw ValidationError("no benchmark's name contains '\(filter ?? "")'.") }
    if list {
      for benchmark in chosen { print(benchmark.name) }
      return
    }
    var results: [Measurement] = []
    for benchmark in chosen {
      let result = try await benchmark.measure(rounds: rounds, roundNanoseconds: UInt64(roundMilliseconds) * 1_000_000)
      if !json {
        if results.isEmpty { print(Measurement.head) }
        print(result.row)
        fflush(nil)
      }
      results.append(result)
    }
    if json { print("[\(results.map(\.json).joined(separator: ", "))]") }
  }
}
