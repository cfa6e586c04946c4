import ArgumentParser
import Testing
import URingBackend

@testable import EchoLoad

/// The command line: what it refuses, and what it takes for granted.
@Suite struct OptionsTests {
  @Test(arguments: [
    ([], "--port"),
    (["--port", "0"], "--port must be"),
    (["--port", "1", "--host", "192.0.2.1"], "loopback only"),
    (["--port", "1", "--host", "example.org"], "not an IPv4 or IPv6 address"),
    (["--port", "1", "--connections", "0"], "--connections must be"),
    (["--port", "1", "--size", "0"], "--size must be"),
    (["--port", "1", "--size", "1Q"], "--size"),
    (["--port", "1", "--size", "256M", "--depth", "64"], "--size times --depth"),
    (["--port", "1", "--depth", "5000"], "--depth must be"),
    (["--port", "1", "--rate", "0"], "--rate must be"),
    (["--port", "1", "--rate", "nan"], "--rate must be"),
    (["--port", "1", "--rate", "10", "--mode", "bulk"], "--rate is for"),
    (["--port", "1", "--duration", "1", "--messages", "1"], "give one"),
    (["--port", "1", "--mode", "idle", "--messages", "1"], "--messages means nothing"),
    (["--port", "1", "--mode", "churn", "--depth", "2"], "--depth means nothing"),
    (["--port", "1", "--mode", "fanout", "--loops", "2"], "runs on one loop"),
    (["--port", "1", "--loops", "3", "--connections", "2"], "--loops cannot be above"),
    (["--port", "1", "--patience", "0"], "--patience must be"),
    (["--port", "1", "--sample", "5"], "--sample is for"),
    (["--port", "1", "--server-pid=-1"], "no such process"),
    (["--port", "1", "--addresses", "0"], "--addresses must be"),
    (["--port", "1", "--host", "::1", "--addresses", "2"], "--addresses needs"),
    (["--port", "1", "--nonsense"], "--nonsense"),
  ])
  func refuses(arguments: [String], words: String) {
    do {
      _ = try Options.parse(arguments)
      Issue.record("accepted: \(arguments)")
    } catch {
      #expect(Options.fullMessage(for: error).contains(words))
    }
  }

  @Test func modesHaveTheirOwnDefaults() throws {
    let plain = try Options.parse(["--port", "7"])
    #expect((plain.messageSize, plain.messageDepth) == (64, 1))
    #expect(plain.limit == .time(10_000_000_000))
    let bulk = try Options.parse(["--port", "7", "--mode", "bulk"])
    #expect((bulk.messageSize, bulk.messageDepth) == (65_536, 16))
    let open = try Options.parse(["--port", "7", "--rate", "500", "--seconds", "3"])
    #expect(open.messageDepth == 64)
    #expect(open.limit == .messages(1500))
    let idle = try Options.parse(["--port", "7", "--mode", "idle", "--sample", "500", "--duration", "2"])
    #expect(idle.limit == .messages(50))
    #expect(idle.holdSeconds == 2)
    #expect(idle.warmupMessages == 0)
  }

  @Test func connectionsAreSpreadOverLoopsAndAddresses() throws {
    let options = try Options.parse([
      "--port", "7", "--host", "127.0.0.255", "--addresses", "3", "--connections", "5", "--loops", "2", "--rate", "10",
    ])
    let plans = try LoadPlan.shares(of: options)
    #expect(plans.map(\.connections) == [3, 2])
    #expect(plans.map(\.firstConnection) == [0, 3])
    #expect(plans.allSatisfy { $0.pace == .openLoop(rate: 5) })
    #expect(plans[0].addresses.map(\.host) == ["127.0.0.255", "127.0.1.0", "127.0.1.1"])
    #expect(plans[1].address(0).host == "127.0.0.255")
    #expect(plans[1].address(1).host == "127.0.1.0")
  }

  /// What the measuring scripts pass to the C load generator is understood here too.
  @Test func takesTheScriptsCommandLine() throws {
    let options = try Options.parse([
      "--port", "7007", "--json", "--steps", "--connections", "50", "--size", "64", "--depth", "1", "--messages",
      "1000",
      "--warmup", "20", "--verify",
    ])
    #expect(options.limit == .messages(1000))
    #expect(options.warmupMessages == 20)
    #expect(options.steps && options.json && options.verify)
  }
}
