import IOBuffers
import Testing
import URingBackend

@testable import URingTesting

/// Seeds, and the faults that are drawn from them.
struct SeedTests {
  private struct Wrong: Error {}

  /// A short conversation; what happened.
  private static func talk(_ seed: UInt64, _ faults: TestNetwork.Faults) throws -> [String] {
    let network = try TestNetwork(seed: seed, faults: faults, recordsTrace: true)
    let client = try network.connect(to: network.serve(echo))
    try client.send([UInt8](repeating: 1, count: network.randomNumber(in: 100...1000)))
    try client.finish()
    _ = try client.receiveToEnd()
    try network.end()
    return network.trace
  }

  @Test func theSameSeedDoesTheSame() throws {
    for seed in 1...5 as ClosedRange<UInt64> {
      let first = try Self.talk(seed, .harmless)
      let again = try Self.talk(seed, .harmless)
      #expect(first == again && first.count > 20)
    }
    #expect(try Self.talk(1, .harmless) != Self.talk(2, .harmless))
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func aSeedMayBeAnArgument(seed: UInt64) throws {
    let network = try TestNetwork(seed: seed, faults: .harmless)
    let client = try network.connect(to: network.serve(echo))
    try client.send("hello\n")
    #expect(try client.receiveLine() == "hello")
    let report = try network.end()
    #expect(report.isClean, "\(report)")
  }

  @Test func theSeedThatFailsIsNamed() {
    var seeds: [UInt64] = []
    let error = #expect(throws: SeedFailure.self) {
      try forEachSeed(10..<20) { network in
        seeds.append(network.seed)
        if network.seed == 13 { throw Wrong() }
      }
    }
    #expect(seeds == [10, 11, 12, 13] && error?.seed == 13 && error?.cause is Wrong)
    let text = error.map { "\($0)" } ?? ""
    #expect(text.hasPrefix("seed 13: Wrong()") && text.contains("SLUICE_SEED=13 swift test"), "\(text)")
    #expect(text.contains("TestNetwork(seed: 13, faults: .harmless)"), "\(text)")
  }

  @Test func aServerThatTakesAPieceForAMessageIsFound() throws {
    /// Works as long as a line arrives in one piece, as it does when nothing goes wrong.
    let careless: @Sendable (TCPConnection) async throws -> Void = { connection in
      while let line = try await connection.receive() {
        var reply = try connection.arena.allocate(minimumCapacity: 16)
        try reply.append(contentsOf: "\(line.count - 1)\n".utf8)
        try await connection.send(reply)
      }
    }
    func answer(_ network: TestNetwork) throws -> String {
      let client = try network.connect(to: network.serve(careless))
      try client.send("hello\n")
      return try client.receiveLine()
    }
    #expect(try answer(TestNetwork()) == "5")
    let error = #expect(throws: SeedFailure.self) {
      try forEachSeed(0..<100) { if try answer($0) != "5" { throw Wrong() } }
    }
    #expect(error?.cause is Wrong)
  }

  @Test func aRunThatLeavesSomethingFails() {
    let error = #expect(throws: SeedFailure.self) {
      try forEachSeed(0..<3) { network in
        let client = try network.connect(to: network.serve { _ in throw Wrong() })
        try network.run(until: { client.wasReset })
      }
    }
    #expect(error?.seed == 0 && error?.cause is UncleanEnd)
  }

  @Test func everyFaultStrikesAndOnlyThoseThatMay() throws {
    #expect(TestNetwork.Faults.none.description == ".none" && TestNetwork.Faults.all.description == ".all")
    #expect(([.delays, .resets] as TestNetwork.Faults).description == "[.delays, .resets]")
    let single = (0..<10).map { TestNetwork.Faults(rawValue: 1 << $0) }
    let network = try TestNetwork(seed: 1)
    for seed in 0..<50 as Range<UInt64> {
      for fault in single {
        var choices = Choices(seed: seed, faults: fault)
        for site in Site.allCases where TestNetwork.Faults.of(site) != fault {
          #expect(choices.draw(site, below: 1000) == 0)
        }
      }
    }
    for fault in single {
      let sites = Site.allCases.filter { TestNetwork.Faults.of($0) == fault }
      #expect(!sites.isEmpty)
      for site in sites {
        let strikes = (0..<50 as Range<UInt64>).contains { seed in
          var choices = Choices(seed: seed, faults: .all)
          return (0..<2000).contains { _ in choices.happens(site) }
        }
        #expect(strikes, "\(site)")
      }
    }
    #expect(network.description == "TestNetwork(seed: 1, faults: .none)")
  }

  @Test func withEveryFaultAPeerSeesAllOrAnError() throws {
    var (whole, broken) = (0, 0)
    try forEachSeed(0..<200, faults: .all) { network in
      let bytes = [UInt8](repeating: 3, count: 500)
      do {
        let client = try network.connect(to: network.serve(echo))
        try client.send(bytes)
        try client.finish()
        try #require(try client.receiveToEnd() == bytes)
        whole += 1
      } catch let error as TestNetworkError {
        try #require(error.kind == .wasReset || error.kind == .notConnected)
        broken += 1
      }
    }
    #expect(whole > 100 && broken > 5, "\(whole) and \(broken)")
  }
}
