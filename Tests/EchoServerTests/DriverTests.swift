import Foundation
import Testing
import URingBackend

/// The server where io_uring is refused, as in most containers, and where a driver was chosen by hand.
@Suite(.timeLimit(.minutes(5)))
struct DriverTests {
  /// What container runtimes answer, and what the C library calls it.
  static let refusals = [
    ("EPERM", "Operation not permitted"), ("ENOSYS", "Function not implemented"), ("EACCES", "Permission denied"),
    ("EOPNOTSUPP", "Operation not supported"),
  ]

  /// What the notice must name as the cause. A switch that is off is named instead of the filter, where both refuse.
  private func cause(of errno: String) -> String {
    let text = try? String(contentsOfFile: "/proc/sys/kernel/io_uring_disabled", encoding: .utf8)
    let isOff = text.map { !$0.hasPrefix("0") } ?? false
    return isOff && (errno == "EPERM" || errno == "EACCES")
      ? "kernel.io_uring_disabled" : "a seccomp filter denies io_uring"
  }

  /// Serves verified traffic with these options, and returns all that was printed.
  private func served(_ arguments: [String], under command: [String]) async throws -> String {
    let (server, host, port) = try await EchoProcess.listening(["--port", "0"] + arguments, under: command)
    let bytes = try await Traffic.talk(to: host, port)
    let outcome = try await server.end(by: SIGTERM)
    #expect(outcome.status == 0, "\(outcome.output)")
    let figures = try Traffic.summary(outcome.output)
    #expect(figures["bytes in"] == bytes && figures["bytes out"] == bytes && figures["connections"] == 5)
    #expect(figures["views out"] == 0 && figures["slots leaked"] == 0)
    return outcome.output
  }

  /// The lines that say which driver runs.
  private func notices(_ output: String) -> [Substring] {
    output.split(separator: "\n").filter { $0.contains(" driven by ") }
  }

  // MARK: Refused

  @Test(arguments: refusals, ["async", "handler"])
  func whereIOUringIsRefusedItServesAndSaysOnceWhy(refusal: (errno: String, text: String), mode: String) async throws {
    // With several loops, because each of them chooses.
    let output = try await served(["--mode", mode, "--loops", "3"], under: Under.filter(refusal.errno))
    let notices = notices(output)
    #expect(notices.count == 1, "\(output)")
    let notice = try #require(notices.first)
    for text in [
      "driven by epoll", " notice ", "because io_uring_setup failed (\(refusal.text))", cause(of: refusal.errno),
      "SLUICE_DRIVER=ioUring",
    ] {
      #expect(notice.contains(text), "'\(text)' is missing in: \(notice)")
    }
  }

  @Test func theNoticeIsOnTheStandardErrorAlone() async throws {
    let output = try await served([], under: Under.filter("EPERM") + Under.onlyOutput())
    #expect(notices(output).isEmpty && output.hasPrefix("EchoServer listening on "), "\(output)")
  }

  @Test func whoLogsOnlyWarningsIsNotTold() async throws {
    let output = try await served(["--log-level", "warning"], under: Under.filter("EPERM"))
    #expect(notices(output).isEmpty, "\(output)")
  }

  @Test(arguments: refusals, [[], ["--features"]])
  func whoAskedForIOUringGetsTheErrorAndItsCause(
    refusal: (errno: String, text: String),
    arguments: [String]
  ) async throws {
    let command =
      try Under.filter(refusal.errno) + Under.bound() + [EchoProcess.echoServer, "--driver", "ioUring", "--port", "0"]
    let outcome = try await EchoProcess.run(command + arguments)
    #expect(outcome.status == 1)
    #expect(outcome.output.hasPrefix("Error: io_uring_setup failed (\(refusal.text)): "), "\(outcome.output)")
    #expect(outcome.output.contains(cause(of: refusal.errno)), "\(outcome.output)")
    #expect(!outcome.output.contains("listening"))
  }

  @Test func theVariableAsksForIOUringToo() async throws {
    let command =
      try Under.filter("EPERM") + Under.variable("ioUring") + Under.bound() + [EchoProcess.echoServer, "--port", "0"]
    let outcome = try await EchoProcess.run(command)
    #expect(outcome.status == 1 && outcome.output.hasPrefix("Error: io_uring_setup failed"), "\(outcome.output)")
  }

  @Test(arguments: refusals)
  func theFeaturesTellTheDriverAndTheCause(refusal: (errno: String, text: String)) async throws {
    let outcome = try await EchoProcess.run(Under.filter(refusal.errno) + [EchoProcess.echoServer, "--features"])
    #expect(outcome.status == 0)
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.first?.hasPrefix("driver: epoll, because io_uring_setup failed (\(refusal.text))") == true)
    #expect(lines.first?.contains(cause(of: refusal.errno)) == true)
    for feature in KernelFeature.allCases {
      let line = try #require(lines.first { $0.hasPrefix("\(feature) ") })
      #expect(line.contains("does not apply") || line.contains("yes        yes"), "\(line)")
    }
  }

  // MARK: Chosen

  @Test(arguments: ["async", "handler"])
  func theVariableChoosesEpoll(mode: String) async throws {
    let output = try await served(["--mode", mode], under: Under.variable("readiness"))
    #expect(notices(output).count == 1)
    #expect(output.contains("why=epoll, as SLUICE_DRIVER says"), "\(output)")
  }

  @Test(arguments: ["async", "handler"], ["ioUring", "fast"])
  func theOptionChoosesEpollWhateverTheVariableSays(mode: String, variable: String) async throws {
    let output = try await served(["--mode", mode, "--driver", "readiness"], under: Under.variable(variable))
    #expect(notices(output).count == 1)
    #expect(output.contains("why=epoll, as configured"), "\(output)")
  }

  @Test(
    .needsIOUring,
    arguments: [(["--driver", "ioUring"], "readiness", "as configured"), ([], "ioUring", "as SLUICE_DRIVER says")]
  )
  func ioUringCanBeAskedForInBothWays(arguments: [String], variable: String, why: String) async throws {
    let output = try await served(arguments, under: Under.variable(variable))
    #expect(output.contains("why=io_uring, \(why)") && output.contains("driven by io_uring"), "\(output)")
  }

  @Test(.needsIOUring) func byItselfItIsIOUring() async throws {
    let output = try await served([], under: Under.noChoice())
    #expect(output.contains("why=io_uring, because it can be used here."), "\(output)")
  }

  @Test(arguments: ["automatic", ""])
  func aVariableThatLeavesItOpenIsAsNone(value: String) async throws {
    let features = [EchoProcess.echoServer, "--features"]
    let outcome = try await EchoProcess.run(Under.variable(value) + features)
    #expect(outcome.status == 0)
    #expect(try await EchoProcess.run(Under.noChoice() + features).output == outcome.output)
  }

  @Test(arguments: [[], ["--features"]])
  func aVariableThatNamesNoDriverIsAClearError(arguments: [String]) async throws {
    let command = try Under.variable("fast") + Under.bound() + [EchoProcess.echoServer, "--port", "0"]
    let outcome = try await EchoProcess.run(command + arguments)
    #expect(outcome.status == 1)
    #expect(
      outcome.output
        == "Error: choosing a driver failed: SLUICE_DRIVER is 'fast', and must be one of automatic, ioUring, readiness.\n"
    )
  }

  // MARK: The profile for containers

  @Test(.needsIOUring, arguments: ["async", "handler"])
  func theProfileLetsIOUringThrough(mode: String) async throws {
    let command = try Under.profile("seccomp-io_uring.json")
    let output = try await served(["--mode", mode, "--driver", "ioUring", "--loops", "2"], under: command)
    #expect(output.contains("why=io_uring, as configured"), "\(output)")
  }

  @Test(arguments: ["async", "handler"])
  func theProfileAllowsAllThatEpollNeeds(mode: String) async throws {
    let command = try Under.profile("seccomp-io_uring.json")
    let output = try await served(["--mode", mode, "--driver", "readiness", "--loops", "2"], under: command)
    #expect(output.contains("why=epoll, as configured"), "\(output)")
  }

  /// A profile that forgets one of the three calls is as good as none, and the others work.
  @Test(arguments: ["io_uring_setup", "io_uring_enter", "io_uring_register"])
  func aProfileThatForgetsOneOfTheCallsLeadsToEpoll(call: String) async throws {
    let text = try Under.text(ofProfile: "seccomp-io_uring.json")
    #expect(text.contains("\"\(call)\""))
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-\(UUID().uuidString).json")
    try text.replacingOccurrences(of: "\"\(call)\"", with: "\"none\"").write(
      to: file,
      atomically: true,
      encoding: .utf8
    )
    defer { try? FileManager.default.removeItem(at: file) }
    let output = try await served([], under: Under.profile(at: file.path))
    #expect(notices(output).count == 1 && output.contains("why=epoll, because"), "\(output)")
  }

  @Test(arguments: ["unshare", "mount"])
  func theProfileRefusesWhatReachesBeyondAContainer(call: String) async throws {
    let script = """
      import ctypes, errno, sys
      libc = ctypes.CDLL(None, use_errno=True)
      result = libc.unshare(0x20000) if sys.argv[1] == 'unshare' else libc.mount(b'none', b'/', b'tmpfs', 1, None)
      print(result, errno.errorcode.get(ctypes.get_errno()))
      """
    let python = try #require(EchoProcess.find("python3"))
    let outcome = try await EchoProcess.run(Under.profile("seccomp-io_uring.json") + [python, "-c", script, call])
    #expect(outcome.output == "-1 EPERM\n")
  }
}
