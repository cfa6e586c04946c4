import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

/// Numbers that make no sense are brought into range, or are a clear error; none ends the process.
@Suite(.timeLimit(.minutes(5)))
struct ConfigurationTests {
  typealias Change = @Sendable (inout TCPServer.Configuration) -> Void

  static let changes: [(String, Change)] = [
    ("loops 0", { $0.loops = 0 }),
    ("loops below zero", { $0.loops = .min }),
    ("backlog 0", { $0.backlog = 0 }),
    ("the smallest backlog", { $0.backlog = .min }),
    ("the largest backlog", { $0.backlog = .max }),
    ("the most connections", { $0.maximumConnections = .max }),
    ("no drain time", { $0.drainTimeout = .seconds(-1) }),
    ("the least drain time", { $0.drainTimeout = .seconds(Int64.min) }),
    ("the longest drain time", { $0.drainTimeout = .seconds(Int64.max) }),
    (
      "the largest socket buffers",
      {
        $0.options.sendBufferBytes = .max
        $0.options.receiveBufferBytes = .max
      }
    ),
    (
      "socket buffers below zero",
      {
        $0.options.sendBufferBytes = -1
        $0.options.receiveBufferBytes = .min
      }
    ),
    (
      "the largest pool, three times",
      {
        $0.loops = 3
        $0.loop.poolBytes = .max
      }
    ),
    ("no pool", { $0.loop.poolBytes = 0 }),
    ("a pool below zero", { $0.loop.poolBytes = .min }),
    ("slots of nothing", { $0.loop.slotBytes = 0 }),
    ("slots below zero", { $0.loop.slotBytes = .min }),
    ("the largest slots", { $0.loop.slotBytes = .max }),
    ("no submission entries", { $0.loop.submissionEntries = 0 }),
    ("the most submission entries", { $0.loop.submissionEntries = .max }),
    ("no completion entries", { $0.loop.completionEntries = 0 }),
    ("the most completion entries", { $0.loop.completionEntries = .max }),
    ("no jobs", { $0.loop.jobBudget = 0 }),
    ("jobs below zero", { $0.loop.jobBudget = .min }),
    ("the most jobs", { $0.loop.jobBudget = .max }),
    ("a processor below zero", { $0.loop.processor = -1 }),
    ("no such processor", { $0.loop.processor = .max }),
    ("spinning below zero", { $0.loop.spin = .seconds(Int64.min) }),
    ("a zero-copy threshold below zero", { $0.loop.zeroCopySendThreshold = .min }),
    ("the largest zero-copy threshold", { $0.loop.zeroCopySendThreshold = .max }),
    ("a sample of no views", { $0.loop.diagnostics = .sampled(every: .min) }),
    (
      "the least limits",
      {
        $0.limits.unreadBytes = .min
        $0.limits.highWaterBytes = .min
        $0.limits.lowWaterBytes = .min
      }
    ),
    (
      "the largest limits",
      {
        $0.limits.unreadBytes = .max
        $0.limits.highWaterBytes = .max
        $0.limits.lowWaterBytes = .max
        $0.limits.idleTimeout = .seconds(Int64.max)
        $0.limits.lingerTimeout = .seconds(Int64.max)
        $0.limits.flushTimeout = .seconds(Int64.max)
      }
    ),
  ]

  @Test(arguments: changes)
  func nonsenseIsBroughtIntoRangeOrRefused(name: String, change: Change) async throws {
    var configuration = TCPServer.Configuration()
    change(&configuration)
    let running: RunningServer
    do {
      running = try await RunningServer.echo(.handlers, configuration)
    } catch let error as RingError {
      #expect(error.description.count > 20, "\(error)")
      return
    }
    let port = running.port
    try await blocking { try EchoSwarm.run(port: port, clients: 2, total: 5000) }
    #expect(running.server.statistics.poolLimit > 0)
    let summary = try await running.stop()
    #expect(summary.totals.bytesSent == 10_000)
  }

  @Test func noConnectionsAreOne() async throws {
    for most in [0, Int.min] {
      var configuration = TCPServer.Configuration()
      configuration.maximumConnections = most
      let running = try await RunningServer.echo(.tasks, configuration)
      let port = running.port
      try await blocking {
        for _ in 0..<3 {
          let client = try BlockingClient(port: port)
          #expect(try client.echo([1]) == [1])
          try client.closeOutput()
          #expect(try client.receiveToEnd().isEmpty)
        }
      }
      try await running.stop()
    }
  }

  @Test func aGroupHasFromOneLoopToAThousandAndTwentyFour() {
    #expect([Int.min, -1, 0, 1].allSatisfy { LoopGroup.number($0) == 1 })
    #expect(LoopGroup.number(7) == 7 && LoopGroup.number(1024) == 1024)
    #expect([1025, Int.max].allSatisfy { LoopGroup.number($0) == 1024 })
  }

  @Test func theDrainTimeMayBeNone() async throws {
    for time in [Duration.zero, .seconds(-5)] {
      var configuration = TCPServer.Configuration()
      configuration.drainTimeout = time
      let running = try await RunningServer.echo(.tasks, configuration)
      let port = running.port
      let client = try await blocking {
        let client = try BlockingClient(port: port)
        #expect(try client.echo([1]) == [1])
        return client
      }
      try await running.stop()
      #expect(try await blocking { client.isEnded() })
    }
  }
}
