import Foundation
import Testing

/// The server on Unix sockets, with clients that are not ours.
@Suite(.timeLimit(.minutes(5)))
struct UnixSocketTests {
  /// A name that is short enough and nobody else's.
  private static func name() -> String { "/tmp/sluice-echo-\(UInt64.random(in: 0 ... .max)).sock" }

  @Test(arguments: ["async", "handler"], ["1", "2"])
  func pythonGetsItsBytesOverAPathAndAnAbstractName(mode: String, loops: String) async throws {
    let path = Self.name()
    let abstract = "@sluice-echo-\(UInt64.random(in: 0 ... .max))"
    let (server, _, port) = try await EchoProcess.listening([
      "--port", "0", "--unix", path, "--unix", abstract, "--mode", mode, "--loops", loops,
    ])
    #expect(try await server.nextLine { $0.contains("unix:@") } == "EchoServer listening on unix:\(abstract)")
    let script = """
      import os, socket, threading
      def talk(family, address):
          peer = socket.socket(family); peer.settimeout(50); peer.connect(address)
          data = os.urandom(1 << 20)
          def send():
              peer.sendall(data); peer.shutdown(socket.SHUT_WR)
          sender = threading.Thread(target=send); sender.start()
          got = b''
          while True:
              piece = peer.recv(65536)
              if not piece: break
              got += piece
          sender.join(); assert got == data
      for address in ('\(path)', '\\0\(abstract.dropFirst())'):
          for _ in range(3): talk(socket.AF_UNIX, address)
      talk(socket.AF_INET, ('127.0.0.1', \(port)))
      print('whole')
      """
    let python = try #require(EchoProcess.find("python3"))
    let outcome = try await EchoProcess.run(python, ["-c", script])
    #expect(outcome.output == "whole\n")
    let end = try await server.end(by: SIGTERM)
    let figures = try Traffic.summary(end.output)
    #expect(end.status == 0 && figures["bytes in"] == 7 << 20 && figures["bytes out"] == 7 << 20)
    #expect(figures["connections"] == 7 && figures["views out"] == 0 && figures["slots leaked"] == 0)
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test(.enabled(if: EchoProcess.find("socat") != nil), arguments: ["async", "handler"])
  func socatGetsItsBytesAndThenTheEnd(mode: String) async throws {
    let path = Self.name()
    let (server, _, _) = try await EchoProcess.listening(["--port", "0", "--unix", path, "--mode", mode])
    _ = try await server.nextLine { $0.contains("unix:/") }
    let socat = try #require(EchoProcess.find("socat"))
    let outcome = try await EchoProcess.run(socat, ["-t", "50", "-", "UNIX-CONNECT:\(path)"], input: "hello")
    #expect(outcome.status == 0 && outcome.output == "hello")
    #expect(try await server.end(by: SIGTERM).status == 0)
  }

  /// After a crash the socket is there, and nobody behind it.
  @Test func afterAKillTheNextServerTakesThePath() async throws {
    let path = Self.name()
    let (first, _, _) = try await EchoProcess.listening(["--port", "0", "--unix", path])
    _ = try await first.nextLine { $0.contains("unix:/") }
    // While it runs, nobody takes it away.
    let second = try await EchoProcess.run("--port", "0", "--unix", path)
    #expect(second.status != 0 && second.output.contains("a program listens there"), "\(second.output)")
    _ = try await first.end(by: SIGKILL)
    #expect(FileManager.default.fileExists(atPath: path))
    let (third, _, _) = try await EchoProcess.listening(["--port", "0", "--unix", path])
    _ = try await third.nextLine { $0.contains("unix:/") }
    #expect(try await third.end(by: SIGTERM).status == 0)
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  /// Permissions count for whoever is not root.
  @Test(.enabled(if: geteuid() == 0, "becoming another user takes root"))
  func whoMayNotWriteToTheFileMayNotConnect() async throws {
    let path = Self.name()
    let (server, _, _) = try await EchoProcess.listening(["--port", "0", "--unix", path])
    _ = try await server.nextLine { $0.contains("unix:/") }
    let script = """
      import os, socket
      def attempt(mode):
          os.chmod('\(path)', mode)
          child = os.fork()
          if child == 0:
              os.setgid(65534); os.setuid(65534)
              try: socket.socket(socket.AF_UNIX).connect('\(path)'); os._exit(0)
              except PermissionError: os._exit(1)
          return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
      print(attempt(0o600), attempt(0o666))
      """
    let python = try #require(EchoProcess.find("python3"))
    #expect(try await EchoProcess.run(python, ["-c", script]).output == "1 0\n")
    #expect(try await server.end(by: SIGTERM).status == 0)
  }
}
