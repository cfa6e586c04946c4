import Foundation
import Testing

/// Values that no server can work with are refused; the largest and smallest of the others work.
@Suite(.timeLimit(.minutes(5)))
struct OptionRangeTests {
  static let times = ["--idle-timeout", "--drain-timeout", "--stats"]
  static let noTimes = ["inf", "-inf", "nan", "1e30", "1e10", "-1", "-0.001", "1e-30", "0.0001", "1,5", "10s"]

  @Test(arguments: times, noTimes)
  func whatIsNoTimeIsRefusedWithItsRange(option: String, value: String) async throws {
    let outcome = try await EchoProcess.run("--port", "0", "\(option)=\(value)")
    #expect(outcome.status == 64)
    #expect(outcome.output.hasPrefix("Error: The value '\(value)' is invalid for '\(option) <seconds>'"))
    #expect(outcome.output.contains("to 1000000000"), "\(outcome.output)")
  }

  @Test(arguments: [
    ["--pool-bytes=9223372036854775807", "--loops", "3"], ["--pool-bytes=8589934592G"], ["--pool-bytes=1025G"],
    ["--pool-bytes=-1"], ["--pool-bytes=16383"], ["--pool-bytes=1.5G"], ["--pool-bytes=K"], ["--pool-bytes="],
    ["--loops=9223372036854775807"], ["--loops=9223372036854775808"], ["--loops=-1"], ["--loops=1025"],
    ["--max-connections=-1"], ["--max-connections=9223372036854775808"], ["--max-connections=1e5"],
    ["--zero-copy=9223372036854775808"], ["--zero-copy=8589934592G"], ["--spin=9223372036854775808"], ["--port=65536"],
  ])
  func whatIsNoNumberForItIsRefused(arguments: [String]) async throws {
    let outcome = try await EchoProcess.run(EchoProcess.echoServer, ["--port", "0"] + arguments)
    #expect(outcome.status == 64)
    let option = try #require(arguments.first?.prefix { $0 != "=" })
    #expect(outcome.output.hasPrefix("Error: ") && outcome.output.contains(option), "\(outcome.output)")
  }

  @Test(arguments: [
    ("fe80::1%nosuch0", "must be an interface of this system"), ("::1%lo", "must be an interface of this system"),
    ("127.0.0.1%lo", "is not an IPv4 or IPv6 address"), ("", "is not an IPv4 or IPv6 address"),
  ])
  func whatIsNoAddressIsRefused(host: String, message: String) async throws {
    let outcome = try await EchoProcess.run("--port", "0", "--host", host)
    #expect(outcome.status == 64)
    #expect(outcome.output.hasPrefix("Error: '\(host)'") && outcome.output.contains(message), "\(outcome.output)")
  }

  @Test(arguments: [
    ["--idle-timeout", "1000000000", "--drain-timeout", "1000000000", "--stats", "1e9"],
    ["--idle-timeout", "0", "--drain-timeout=-0"], ["--drain-timeout", "0.001", "--stats", "0.1"],
    ["--pool-bytes", "1024G", "--loops", "3", "--max-connections", "9223372036854775807"],
    ["--pool-bytes", "16384", "--max-connections", "1"], ["--zero-copy", "9223372036854775807", "--spin", "10000"],
    ["--host", "::", "--ipv6-only"],
  ])
  func theLargestAndTheSmallestOfTheOthersWork(arguments: [String]) async throws {
    let (server, _, port) = try await EchoProcess.listening(["--port", "0"] + arguments)
    let python = try #require(EchoProcess.find("python3"))
    let host = arguments.contains("::") ? "::1" : "127.0.0.1"
    let script = """
      import socket
      peer = socket.create_connection(('\(host)', \(port)), timeout=50)
      peer.sendall(b'x'); peer.shutdown(socket.SHUT_WR)
      print(peer.recv(1) + peer.recv(1))
      """
    #expect(try await EchoProcess.run(python, ["-c", script]).output == "b'x'\n")
    let outcome = try await server.end(by: SIGTERM)
    #expect(outcome.status == 0 && outcome.output.contains("summary: connections 1,"), "\(outcome.output)")
  }

  @Test func theHelpTellsUnitsAndDefaults() async throws {
    let help = try await EchoProcess.run("--help").output.split(separator: /\s+/).joined(separator: " ")
    for text in [
      "--idle-timeout <seconds>", "--drain-timeout <seconds>", "--stats <seconds>", "--pool-bytes <bytes>",
      "--zero-copy <bytes>", "--spin <microseconds>", "(default: 127.0.0.1)", "(default: 7007)", "(default: 1)",
      "default: async", "(default: 100000)", "(default: 0)", "(default: 10)", "(default: 64M)", "default: notice",
    ] {
      #expect(help.contains(text), "\(text) is missing")
    }
  }
}
