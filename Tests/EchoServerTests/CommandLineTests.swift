import Foundation
import Testing
import URingBackend

/// What the command line says and refuses.
@Suite(.timeLimit(.minutes(5)))
struct CommandLineTests {
  static let options = [
    "--host", "--port", "--unix", "--ipv6-only", "--loops", "--pin", "--mode", "--max-connections", "--idle-timeout",
    "--drain-timeout",
    "--pool-bytes", "--zero-copy", "--spin", "--stats", "--driver", "--features", "--without", "--log-level", "--help",
  ]

  @Test func helpNamesEveryOption() async throws {
    let outcome = try await EchoProcess.run("--help")
    #expect(outcome.status == 0)
    for option in Self.options { #expect(outcome.output.contains(option), "\(option) is missing") }
    // It shows how to try it.
    #expect(outcome.output.contains("nc -N"))
  }

  @Test(arguments: [
    (["--nonsense"], "--nonsense"),
    (["stray"], "stray"),
    (["--port", "70000"], "--port"),
    (["--port", "-1"], "--port"),
    (["--port"], "--port"),
    (["--host", "example.org"], "example.org"),
    (["--unix", ""], "--unix: address: the name of a Unix socket has 1 to 107 bytes"),
    (["--unix", "@"], "--unix"),
    (["--mode", "fast"], "'async' and 'handler'"),
    (["--loops", "0"], "--loops must be from 1"),
    (["--loops", "2000"], "--loops must be from 1"),
    (["--loops", "many"], "--loops"),
    (["--max-connections", "0"], "--max-connections must be at least 1"),
    (["--idle-timeout", "-1"], "--idle-timeout"),
    (["--drain-timeout=-1"], "'-1' is invalid for '--drain-timeout"),
    (["--pool-bytes", "12Q"], "--pool-bytes"),
    (["--pool-bytes", "99999999999G"], "--pool-bytes"),
    (["--pool-bytes", "1K"], "--pool-bytes must be at least"),
    (["--zero-copy"], "--zero-copy"),
    (["--zero-copy", "0"], "--zero-copy must be at least 1"),
    (["--zero-copy=-1"], "--zero-copy"),
    (["--zero-copy", "4T"], "--zero-copy"),
    (["--zero-copy", "large"], "--zero-copy"),
    (["--spin"], "--spin"),
    (["--spin=-1"], "--spin must be from 0 to 10000"),
    (["--spin", "10001"], "--spin must be from 0 to 10000"),
    (["--spin", "long"], "--spin"),
    (["--stats", "0"], "--stats must be at least"),
    (["--without", "warpDrive"], "--without"),
    (["--driver", "fast"], "'automatic', 'ioUring' or 'readiness'"),
    (["--log-level", "loud"], "--log-level"),
  ])
  func aBadCommandLineIsRefusedWithAClearMessage(arguments: [String], message: String) async throws {
    let outcome = try await EchoProcess.run(EchoProcess.echoServer, arguments)
    // EX_USAGE of sysexits.h.
    #expect(outcome.status == 64)
    #expect(outcome.output.hasPrefix("Error: ") && outcome.output.contains(message), "\(outcome.output)")
  }

  @Test func featuresArePrintedWithTheirFallbacks() async throws {
    let outcome = try await EchoProcess.run("--features")
    #expect(outcome.status == 0)
    for feature in KernelFeature.allCases { #expect(outcome.output.contains("\(feature)")) }
    let without = try await EchoProcess.run("--features", "--without", "multishotReceive", "noIOWait")
    #expect(without.status == 0 && without.output.contains("instead: one receive for each chunk of data"))
  }
}
