import CLiburing
import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What the whole process holds. Each test runs in a process of its own, so that tests beside it do not count; one
/// after the other, because whoever waits for a process blocks a thread of the tests.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct DescriptorTests {
  @Test func tenThousandConnectionsLeaveNothingBehind() async {
    await #expect(processExitsWith: .success) {
      try await DescriptorTests().churn(.tasks)
      try await DescriptorTests().churn(.handlers)
    }
  }

  /// In waves, because every connection costs this process two descriptors.
  private func churn(_ mode: ServerMode) async throws {
    let waves = TestRun.amount(20, short: 4, long: 200)
    let perWave = 500
    try raiseDescriptorLimit(to: UInt(3 * perWave))
    // What the first use of anything opens for good is open by now.
    try await RunningServer.echo(mode).stop()
    let before = try await OpenDescriptors.settledCount()

    let running = try await RunningServer.echo(mode)
    let port = running.port
    let serving = OpenDescriptors.count()
    #expect(serving > before)
    for _ in 0..<waves {
      try await blocking {
        let clients = try (0..<perWave).map { _ in try BlockingClient(port: port) }
        for client in clients { try client.send([1, 2, 3]) }
        for client in clients { #expect(try client.receive(exactly: 3) == [1, 2, 3]) }
        for (place, client) in clients.enumerated() {
          if place % 4 == 0 { try client.reset() } else { client.close() }
        }
      }
      try await eventually { running.server.statistics.connectionsOpen == 0 }
      #expect(OpenDescriptors.count() == serving)
      #expect(running.server.statistics.slotsLocked == 0)
    }
    let summary = try await running.stop()
    #expect(summary.totals.connectionsOpened == UInt64(waves * perWave))
    #expect(summary.totals.connectionsClosed == UInt64(waves * perWave))
    // A loop is freed a moment after its end: that it comes to pass is the test.
    try await eventually { OpenDescriptors.count() == before }
  }

  @Test func cancelledAndFailedConnectsLeaveNothingBehind() async {
    await #expect(processExitsWith: .success) {
      let loop = try EventLoop.start()
      let listener = try PlainListener(backlog: 0)
      let fillers = try listener.fillBacklog()
      let closed = try ClosedPort()
      let closedPort = closed.port
      let before = try await OpenDescriptors.settledCount()
      for round in 0..<20 {
        let attempts = (0..<10).map { _ in
          Task { _ = try await TCPConnection.connect(to: .loopback(port: listener.port), on: loop) }
        }
        for _ in 0..<round { await Task.yield() }
        for attempt in attempts { attempt.cancel() }
        for attempt in attempts { await #expect(throws: SocketError.self) { try await attempt.value } }
        await #expect(throws: SocketError.self) {
          _ = try await TCPConnection.connect(to: .loopback(port: closedPort), on: loop)
        }
      }
      #expect(OpenDescriptors.count() == before && !fillers.isEmpty)
      await loop.shutdown()
    }
  }

  @Test func loopsAndServersThatEndGiveEverythingBack() async {
    await #expect(processExitsWith: .success) {
      try await RunningServer.echo(.tasks).stop()
      let before = try await OpenDescriptors.settledCount()
      for _ in 0..<20 {
        var configuration = TCPServer.Configuration()
        configuration.loops = 2
        let running = try await RunningServer.echo(.tasks, configuration)
        let address = running.address
        await #expect(throws: SocketError.self) { try await RunningServer.echo(.tasks, at: address) }
        try await running.stop()
      }
      try await eventually { OpenDescriptors.count() == before }
    }
  }

  /// With no descriptor left accepting rests, and goes on when connections close.
  @Test func withoutDescriptorsPeersWaitAndAreServedLater() async {
    await #expect(processExitsWith: .success) {
      let clients = try (0..<80).map { _ in try DescriptorTests().makeSocket() }
      // The kernel takes the limit as it is when an accept is armed: lower it first.
      try limitDescriptors(to: OpenDescriptors.limit(leaving: 30))
      let running = try await RunningServer.echo(.tasks)
      let port = running.port
      try await blocking {
        for client in clients {
          try client.connect(port: port)
          try client.send([5, 6])
        }
        while running.server.statistics.acceptsPaused == 0 { usleep(1000) }
        #expect(running.server.statistics.connectionsOpen < 80)
        for client in clients {
          #expect(try client.receive(exactly: 2) == [5, 6])
          try client.closeOutput()
          #expect(try client.receiveToEnd().isEmpty)
        }
      }
      let summary = try await running.stop()
      #expect(summary.totals.connectionsOpened == 80 && summary.totals.bytesSent == 160)
    }
  }

  private func makeSocket() throws -> BlockingClient {
    BlockingClient(adopting: socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
  }
}
