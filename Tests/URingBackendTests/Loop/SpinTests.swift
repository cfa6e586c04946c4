import IOBuffers
import Testing

@testable import URingBackend

/// When a loop spins before it sleeps, and that it misses nothing meanwhile.
@Suite(.timeLimit(.minutes(5)))
struct SpinTests {
  @Test func withoutALimitALoopNeverSpins() {
    var policy = SpinPolicy(limit: 0)
    policy.note(wait: 1)
    #expect(!policy.isOn)
    #expect(!policy.isWorthwhile)
  }

  @Test func oneLongPauseEndsTheSpinningAndAHandfulOfShortWaitsBringItBack() {
    var policy = SpinPolicy(limit: 50_000)
    #expect(policy.isWorthwhile)
    for _ in 0..<20 { policy.note(wait: 30_000) }
    #expect(policy.isWorthwhile)
    // A day counts no more than a moment: the way back is as short.
    policy.note(wait: 86_400_000_000_000)
    #expect(!policy.isWorthwhile)
    var waits = 0
    while !policy.isWorthwhile, waits < 100 {
      policy.note(wait: 30_000)
      waits += 1
    }
    #expect((1...8).contains(waits))
  }

  @Test func aLoopWhoseWaitsAreLongSleepsAtOnce() {
    var policy = SpinPolicy(limit: 50_000)
    var spins = 0
    for _ in 0..<1000 {
      if policy.isWorthwhile { spins += 1 }
      policy.note(wait: 5_000_000)
    }
    #expect(spins <= 2)
  }

  @Test func theLongestLimitDoesNotOverflow() {
    var policy = SpinPolicy(limit: .max)
    for _ in 0..<100 { policy.note(wait: .max) }
    #expect(!policy.isWorthwhile)
  }

  @Test func aLoopThatIsNotToldToSpinDoesNot() async throws {
    let loop = try EventLoop.start()
    for _ in 0..<50 { #expect(await loop.onLoop { $0.isCurrent }) }
    #expect(loop.statistics.spunWaits == 0 && loop.statistics.turns > 0)
    await loop.shutdown()
  }

  @Test(arguments: ServerMode.allCases, [[], [KernelFeature.deferTaskRun], [.deferTaskRun, .cooperativeTaskRun]])
  func aServerThatSpinsEchoesEverything(mode: ServerMode, without: [KernelFeature]) async throws {
    var configuration = TCPServer.Configuration()
    configuration.loop.spin = .microseconds(200)
    configuration.loop.disabledFeatures = without
    let running = try await RunningServer.echo(mode, configuration)
    let pattern = Pattern(seed: 9)
    let port = running.port
    try await blocking {
      let client = try BlockingClient(port: port)
      for turn in 0..<200 {
        let bytes = pattern.bytes(at: turn, count: 1 + turn * 37 % 5000)
        #expect(try client.echo(bytes) == bytes)
      }
      client.close()
    }
    try await running.stop()
  }

  @Test func aSpinningLoopHearsOtherThreadsAndItsTimers() async throws {
    var configuration = EventLoop.Configuration()
    configuration.spin = .seconds(1)
    let loop = try EventLoop.start(configuration)
    for _ in 0..<50 {
      #expect(await loop.onLoop { $0.isCurrent })
      try await loop.sleep(for: .microseconds(50))
    }
    #expect(loop.statistics.spunWaits > 0)
    await loop.shutdown()
    #expect(loop.memory.slotsOut == 0)
  }
}
