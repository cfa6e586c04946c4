import IOBuffers
import Testing

@testable import URingBackend

/// Peers that write and never read cost the others nothing: neither those that were there before, nor newcomers. FAULTS A1.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct NeverReadingPeersTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var poolBytes: Int
    var without: [KernelFeature] = []
    var testDescription: String { "\(poolBytes >> 10) KiB without \(without)" }

    var configuration: TCPServer.Configuration {
      var configuration = TCPServer.Configuration()
      configuration.loop.poolBytes = poolBytes
      configuration.loop.disabledFeatures = without
      // The kernel's own buffers grow to megabytes each, all of which would have to be filled first.
      configuration.options.sendBufferBytes = 16 << 10
      configuration.options.receiveBufferBytes = 16 << 10
      return configuration
    }

    var peers: Int { TestRun.amount(without.isEmpty ? 128 : 40, short: 24, long: 400) }

    static let all = [
      Case(poolBytes: 1 << 20),
      Case(poolBytes: 256 << 10),
      Case(poolBytes: 256 << 10, without: [.incrementalBuffers]),
      Case(poolBytes: 256 << 10, without: [.receiveLimit]),
      Case(poolBytes: 256 << 10, without: [.multishotReceive]),
      Case(poolBytes: 256 << 10, without: [.multishotAccept]),
    ]
  }

  @Test(arguments: ServerMode.allCases, Case.all)
  func theOthersAreServedAsBefore(mode: ServerMode, it: Case) async throws {
    let running = try await RunningServer.echo(mode, it.configuration)
    let port = running.port
    try await blocking {
      let early = try BlockingClient(port: port, guardSeconds: 20)
      #expect(try early.echo([1, 2, 3]) == [1, 2, 3])
      var flood = try Flood(port: port, count: it.peers)
      let taken = try flood.fill(until: { running.server.statistics.pressureEpisodes > 0 })
      #expect(taken > it.poolBytes)
      let echoes = TestRun.amount(200, short: 50, long: 2000)
      for round in 0..<echoes {
        let message = Pattern(seed: 9).bytes(at: round, count: 64)
        try #require(try early.echo(message) == message)
      }
      for seed in 0..<10 {
        try EchoSwarm.run([EchoExchange(try BlockingClient(port: port, guardSeconds: 20), total: 4_000, seed: seed)])
      }
      let during = running.server.statistics
      #expect(during.poolBytes <= UInt64(it.poolBytes) && during.poolLimit <= UInt64(it.poolBytes))
      #expect(during.connectionsOpen >= UInt64(it.peers + 1))
      for (place, client) in flood.clients.enumerated() {
        if place % 2 == 0 { try client.reset() } else { client.close() }
      }
      // Whoever was there before is served on.
      #expect(try early.echo([4]) == [4])
      early.close()
    }
    try await running.settles()
    let summary = try await running.stop()
    #expect(summary.totals.handlerErrors == 0)
  }

  /// What waited meanwhile, compacted and copied, comes back whole and in order.
  @Test(arguments: ServerMode.allCases, Case.all)
  func whoReadsInTheEndGetsEveryByte(mode: ServerMode, it: Case) async throws {
    let running = try await RunningServer.echo(mode, it.configuration)
    let port = running.port
    try await blocking {
      var flood = try Flood(port: port, count: TestRun.amount(24, short: 10, long: 128), bufferBytes: 16_384)
      try flood.fill()
      for seed in 0..<3 { try EchoSwarm.run(port: port, total: 100_000, seed: seed) }
      try flood.readEverythingBack()
    }
    try await running.settles()
    let summary = try await running.stop()
    #expect(summary.totals.bytesSent == summary.totals.bytesReceived)
  }

  /// A single one that writes a lot before it reads a byte does not stop a small pool, and gets it all back.
  @Test(arguments: ServerMode.allCases)
  func oneWriterThatReadsLateDoesNotStopASmallPool(mode: ServerMode) async throws {
    let running = try await RunningServer.echo(mode, Case(poolBytes: 256 << 10).configuration)
    let port = running.port
    try await blocking {
      var flood = try Flood(port: port, count: 1, bufferBytes: 65_536)
      try flood.fill()
      try EchoSwarm.run(port: port, clients: 4, total: 100_000)
      try flood.readEverythingBack()
    }
    try await running.settles()
    try await running.stop()
  }
}
