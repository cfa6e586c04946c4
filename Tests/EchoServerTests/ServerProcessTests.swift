import Foundation
import Testing
import URingBackend

/// The server as a process: it announces itself, echoes to clients that are not ours, and ends with a true summary.
@Suite(.timeLimit(.minutes(5)))
struct ServerProcessTests {
  @Test(arguments: ["async", "handler"], [SIGTERM, SIGINT])
  func aSignalDrainsAndTheSummaryIsTrue(mode: String, signal: Int32) async throws {
    let (server, host, port) = try await EchoProcess.listening(["--port", "0", "--mode", mode])
    #expect(host == "127.0.0.1" && port > 0)
    let bytes = try await Traffic.talk(to: host, port)
    let outcome = try await server.end(by: signal)
    #expect(outcome.status == 0, "\(outcome.output)")
    let figures = try Traffic.summary(outcome.output)
    #expect(figures["bytes in"] == bytes && figures["bytes out"] == bytes && figures["connections"] == 5)
    #expect(figures["views out"] == 0 && figures["slots leaked"] == 0)
    // How much depends on how far the client lags behind; that it is told does not.
    #expect(figures["bytes copied"] != nil)
    #expect(!outcome.output.contains("zero-copy sends"), "nobody asked for them")
  }

  @Test func itListensOnIPv6WithSeveralLoopsAndATinyPool() async throws {
    let arguments = ["--host", "::1", "--port", "0", "--loops", "2", "--pool-bytes", "64K"]
    let (server, host, port) = try await EchoProcess.listening(arguments)
    #expect(host == "[::1]")
    let bytes = try await Traffic.talk(to: host, port)
    let figures = try Traffic.summary(try await server.end(by: SIGTERM).output)
    #expect(figures["bytes in"] == bytes && figures["bytes out"] == bytes)
    #expect(figures["views out"] == 0 && figures["slots leaked"] == 0)
  }

  @Test func itRunsWithoutTheFeaturesThatLinux61Lacks() async throws {
    let (server, host, port) = try await EchoProcess.listening([
      "--port", "0", "--without", "incrementalBuffers", "receiveLimit", "noIOWait",
    ])
    let bytes = try await Traffic.talk(to: host, port)
    let figures = try Traffic.summary(try await server.end(by: SIGTERM).output)
    #expect(figures["bytes in"] == bytes && figures["bytes out"] == bytes && figures["slots leaked"] == 0)
  }

  /// The sends of a server with --zero-copy: all that succeeded, and those of which the kernel said that it copied.
  private func zeroCopySends(_ output: String) throws -> (all: Int, copied: Int) {
    let found = try #require(
      output.firstMatch(of: /\nzero-copy sends (\d+), copied by the kernel (\d+)\n/),
      "\(output)"
    )
    return (try #require(Int(found.1)), try #require(Int(found.2)))
  }

  @Test(arguments: ["async", "handler"])
  func zeroCopySendsAreCounted(mode: String) async throws {
    let (server, host, port) = try await EchoProcess.listening(["--port", "0", "--mode", mode, "--zero-copy", "1K"])
    let bytes = try await Traffic.talk(to: host, port)
    let outcome = try await server.end(by: SIGTERM)
    #expect(outcome.status == 0)
    let figures = try Traffic.summary(outcome.output)
    #expect(figures["bytes in"] == bytes && figures["bytes out"] == bytes)
    #expect(figures["views out"] == 0 && figures["slots leaked"] == 0)
    let sends = try zeroCopySends(outcome.output)
    // By the driver that runs here: epoll has none.
    let isPossible = try DriverSelection().features.has(.zeroCopySend)
    #expect((sends.all > 0) == isPossible && sends.copied <= sends.all)
  }

  @Test(arguments: [["--zero-copy", "1", "--without", "zeroCopySend"], ["--zero-copy", "1G"]])
  func whereNoSendMayBeZeroCopyNoneIs(arguments: [String]) async throws {
    let (server, host, port) = try await EchoProcess.listening(["--port", "0"] + arguments)
    let bytes = try await Traffic.talk(to: host, port)
    let outcome = try await server.end(by: SIGTERM)
    #expect(try Traffic.summary(outcome.output)["bytes out"] == bytes)
    let sends = try zeroCopySends(outcome.output)
    #expect(sends.all == 0 && sends.copied == 0)
  }

  @Test(arguments: ["async", "handler"])
  func itEchoesWhileItSpins(mode: String) async throws {
    let (server, host, port) = try await EchoProcess.listening(["--port", "0", "--mode", mode, "--spin", "200"])
    let bytes = try await Traffic.talk(to: host, port)
    let outcome = try await server.end(by: SIGTERM)
    #expect(outcome.status == 0)
    let figures = try Traffic.summary(outcome.output)
    #expect(figures["bytes in"] == bytes && figures["bytes out"] == bytes && figures["connections"] == 5)
    #expect(figures["views out"] == 0 && figures["slots leaked"] == 0)
  }

  @Test func aPortThatIsInUseIsAClearError() async throws {
    let (server, _, port) = try await EchoProcess.listening(["--port", "0"])
    let outcome = try await EchoProcess.run("--port", "\(port)")
    #expect(outcome.status != 0 && outcome.status != 64)
    #expect(outcome.output.contains("127.0.0.1:\(port): the port is in use"), "\(outcome.output)")
    #expect(try await server.end(by: SIGTERM).status == 0)
  }

  @Test func statisticsArePrintedWhenAskedFor() async throws {
    let (server, host, port) = try await EchoProcess.listening(["--port", "0", "--stats", "0.1"])
    let bytes = try await Traffic.talk(to: host, port)
    let line = try await server.nextLine { $0.contains("in \(bytes) B, out \(bytes) B") }
    for figure in ["connections", "messages", "pool", "posted", "locked", "free", "growths", "starved"] {
      #expect(line.contains(figure), "\(figure) is missing in \(line)")
    }
    #expect(try await server.end(by: SIGTERM).status == 0)
  }

  /// A connection that does not end is closed at the deadline; the summary still holds.
  @Test func atTheDrainDeadlineTheServerEnds() async throws {
    let arguments = ["--port", "0", "--drain-timeout", "0.05", "--stats", "0.1"]
    let (server, _, port) = try await EchoProcess.listening(arguments)
    let python = try #require(EchoProcess.find("python3"))
    let script = """
      import socket, sys
      peer = socket.create_connection(('127.0.0.1', \(port)), timeout=50)
      peer.sendall(b'x'); assert peer.recv(1) == b'x'
      print('open', flush=True)
      try: print('ended' if peer.recv(1) == b'' else 'bytes')
      except ConnectionResetError: print('ended')
      """
    async let client = EchoProcess.run(python, ["-c", script])
    _ = try await server.nextLine { $0.contains("in 1 B, out 1 B") }
    let figures = try Traffic.summary(try await server.end(by: SIGTERM).output)
    #expect(try await client.output == "open\nended\n")
    #expect(figures["bytes in"] == 1 && figures["bytes out"] == 1 && figures["connections"] == 1)
    #expect(figures["bytes copied"] == 0)
    #expect(figures["views out"] == 0 && figures["slots leaked"] == 0)
  }

  /// Whoever cannot wait for the drain sends the signal again.
  @Test func aSecondSignalEndsTheDrain() async throws {
    let arguments = ["--port", "0", "--drain-timeout", "1000", "--stats", "0.1"]
    let (server, _, port) = try await EchoProcess.listening(arguments)
    let python = try #require(EchoProcess.find("python3"))
    let script = "import socket; socket.create_connection(('127.0.0.1', \(port))).recv(1)"
    async let client = EchoProcess.run(python, ["-c", script])
    _ = try await server.nextLine { $0.hasPrefix("connections 1,") }
    server.signal(SIGTERM)
    // Two signals of one kind at a time are one.
    let outcome = try await server.end(by: SIGINT)
    #expect(outcome.status == 0)
    let figures = try Traffic.summary(outcome.output)
    #expect(figures["connections"] == 1 && figures["views out"] == 0 && figures["slots leaked"] == 0)
    _ = try await client
  }

  @Test(.enabled(if: EchoProcess.find("nc") != nil), arguments: ["async", "handler"])
  func netcatGetsItsBytesAndThenTheEnd(mode: String) async throws {
    let (server, _, port) = try await EchoProcess.listening(["--port", "0", "--mode", mode])
    let netcat = try #require(EchoProcess.find("nc"))
    let outcome = try await EchoProcess.run(netcat, ["-N", "127.0.0.1", "\(port)"], input: "x")
    #expect(outcome.status == 0 && outcome.output == "x")
    #expect(try await server.end(by: SIGTERM).status == 0)
  }
}
