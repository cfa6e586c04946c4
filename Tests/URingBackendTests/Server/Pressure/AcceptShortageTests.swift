import CLiburing
import IOBuffers
import Logging
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// With no descriptor left accepting is tried ten times a second, however many connections come and go, and said twice in
/// all. FAULTS A4. In processes of their own, because the limit is one of the process.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct AcceptShortageTests {
  @Test func inAShortageAcceptingIsTriedTenTimesASecond() async {
    await #expect(processExitsWith: .success) { try await AcceptShortageTests().shortage([]) }
  }

  @Test func withoutMultishotAcceptItIsTheSame() async {
    await #expect(processExitsWith: .success) { try await AcceptShortageTests().shortage([.multishotAccept]) }
  }

  private func shortage(_ without: [KernelFeature]) async throws {
    let sockets = try (0..<200).map { _ in try makeSocket() }
    try limitDescriptors(to: OpenDescriptors.limit(leaving: 40))
    let log = RecordedLog()
    var configuration = TCPServer.Configuration()
    configuration.loop.disabledFeatures = without
    let running = try await RunningServer.start(configuration, log: log) { server, whenListening in
      try await server.run(whenListening: whenListening) { EchoHandler() }
    }
    try await blocking {
      var waiting = sockets
      func connect() throws -> BlockingClient {
        let client = waiting.removeFirst()
        try client.connect(port: running.port)
        return client
      }
      // More than get in, and none of them ever leaves.
      var clients = try (0..<100).map { _ in try connect() }
      while running.server.statistics.acceptsPaused == 0 { usleep(1000) }
      let open = running.server.statistics.connectionsOpen
      #expect(open > 0 && open < 40)
      // Served ones leave, others come: each close was one more retry timer.
      for _ in 0..<20 {
        clients.removeFirst().close()
        clients.append(try connect())
      }
      usleep(300_000)
      // Nobody moves.
      let before = (running.server.statistics, ContinuousClock.now)
      usleep(700_000)
      let (after, elapsed) = (running.server.statistics, ContinuousClock.now - before.1)
      let allowed = UInt64(elapsed / .milliseconds(100)) + 2
      #expect(after.acceptsPaused - before.0.acceptsPaused <= allowed)
      #expect(after.turns - before.0.turns <= 4 * allowed)
      // The shortage is still the same one.
      #expect(log.count(containing: "no more connections can be accepted") == 1, "\(log.lines)")
      #expect(log.count(containing: "accepted again") == 0)
      // It ends: all who wait get in, and who comes later.
      for _ in 0..<80 { clients.removeFirst().close() }
      for client in clients { #expect(try client.echo([1, 2]) == [1, 2]) }
      usleep(1_200_000)
      let late = try connect()
      #expect(try late.echo([3]) == [3])
      for client in sockets { client.close() }
    }
    #expect(log.count(containing: "no more connections can be accepted") == 1)
    #expect(log.count(containing: "accepted again") == 1)
    #expect(log.count(atLeast: .warning) == 1, "\(log.lines)")
    try await running.settles()
    try await running.stop()
  }

  private func makeSocket() throws -> BlockingClient {
    BlockingClient(adopting: socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
  }
}
