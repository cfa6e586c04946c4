import Foundation
import Testing

/// Whoever reads the output may leave, as `EchoServer --stats 1 | head -1` does.
@Suite(.timeLimit(.minutes(5)))
struct OutputTests {
  /// Reads the first line, leaves, waits until that was noticed, and uses the server as before.
  private static let script = """
    import signal, socket, subprocess, sys
    server = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = server.stdout.readline()
    server.stdout.close()
    if '--stats' in sys.argv: print(next(line for line in server.stderr if 'statistics' in line).strip())
    peer = socket.create_connection(('127.0.0.1', int(line.rsplit(':', 1)[1])), timeout=50)
    peer.sendall(b'x'); peer.shutdown(socket.SHUT_WR)
    print('echo', peer.recv(1) + peer.recv(1))
    server.send_signal(signal.SIGTERM)
    rest = server.stderr.read()
    print('status', server.wait())
    print(rest)
    """

  @Test(arguments: [["--stats", "0.1"], [], ["--zero-copy", "4K"]])
  func whenNobodyReadsTheServerGoesOnAndTheSummaryIsAnError(arguments: [String]) async throws {
    let python = try #require(EchoProcess.find("python3"))
    let command = [EchoProcess.echoServer, "--port", "0"] + arguments
    let outcome = try await EchoProcess.run(python, ["-c", Self.script] + command)
    #expect(outcome.output.contains("echo b'x'\nstatus 0\n"), "\(outcome.output)")
    #expect(outcome.output.contains("\nsummary: connections 1,"), "\(outcome.output)")
    #expect(outcome.output.contains("no more statistics are printed") == arguments.contains("--stats"))
    #expect(outcome.output.contains("zero-copy sends 0") == arguments.contains("--zero-copy"))
  }

  /// A full disk is no reason to stop either.
  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func whenTheOutputTakesNothingTheServerGoesOn() async throws {
    let python = try #require(EchoProcess.find("python3"))
    let script = """
      import signal, subprocess, sys
      server = subprocess.Popen(sys.argv[1:], stdout=open('/dev/full', 'w'), stderr=subprocess.PIPE, text=True)
      print(next(line for line in server.stderr if 'statistics' in line).strip())
      server.send_signal(signal.SIGTERM)
      print(server.stderr.read())
      print('status', server.wait())
      """
    let command = [EchoProcess.echoServer, "--port", "0", "--stats", "0.1"]
    let outcome = try await EchoProcess.run(python, ["-c", script] + command)
    #expect(outcome.output.contains("no more statistics are printed"), "\(outcome.output)")
    #expect(outcome.output.contains("summary: connections 0,") && outcome.output.contains("status 0"))
  }
}
