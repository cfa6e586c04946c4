import IOBuffers
import Testing

@testable import URingBackend

/// The server does its work on every kernel that lacks a feature: each is forced off in turn, then all that Linux 6.1
/// lacks, then all there are.
@Suite(.timeLimit(.minutes(5)))
struct FeatureFallbackTests {
  @Test(arguments: ServerMode.allCases, KernelFeatures.variants)
  func withoutAFeatureTheEchoIsTheSame(mode: ServerMode, without: [KernelFeature]) async throws {
    var configuration = TCPServer.Configuration()
    configuration.loop.disabledFeatures = without
    let running = try await RunningServer.echo(mode, configuration)
    let port = running.port
    let clients = TestRun.amount(8, short: 3, long: 50)
    let total = TestRun.amount(400_000, short: 100_000, long: 4 << 20)
    try await blocking { try EchoSwarm.run(port: port, clients: clients, total: total) }
    try await blocking {
      // Back-pressure, a reset, and a connection that the drain has to end.
      let stuck = try BlockingClient(port: port)
      try stuck.send(Pattern().bytes(count: 300_000))
      try stuck.reset()
      let client = try BlockingClient(port: port)
      #expect(try client.echo([1, 2, 3]) == [1, 2, 3])
    }
    let summary = try await running.stop()
    #expect(summary.totals.bytesReceived >= UInt64(clients * total + 3))
    #expect(summary.totals.bytesSent >= UInt64(clients * total + 3))
    #expect(summary.totals.connectionsOpened == UInt64(clients + 2))
  }

  @Test(arguments: KernelFeatures.variants)
  func aLoopUsesNoFeatureThatIsForcedOff(without: [KernelFeature]) async throws {
    var configuration = EventLoop.Configuration()
    configuration.disabledFeatures = without
    let loop = try EventLoop.start(configuration)
    for feature in without { #expect(!loop.features.has(feature)) }
    for feature in KernelFeature.allCases where !without.contains(feature) {
      let needs: KernelFeature? =
        switch feature {
        case .deferTaskRun: .singleIssuer
        case .receiveLimit: .multishotReceive
        default: nil
        }
      let isBroken = needs.map { without.contains($0) } ?? false
      #expect(loop.features.has(feature) == (loop.features.isAvailable(feature) && !isBroken))
    }
    await loop.shutdown()
  }
}
