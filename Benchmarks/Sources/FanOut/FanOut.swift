import ArgumentParser
import Glibc
import IOBuffers
import Logging
import URingBackend
import UnixSignals

/// Sends each received message to every connection of the server, out of the memory that the kernel received it into:
/// each receiver has a reader of the same bytes, and none a copy.
@main
struct FanOut: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "FanOut",
    abstract: "Sends each received message to all connections, without a copy for any of them.",
    discussion: """
      One loop and handlers. A receiver with more than 16 MiB unsent is cut off. SIGINT and SIGTERM stop accepting, let \
      connections finish, and print a summary; a second signal closes them at once.
      """
  )

  @Option(help: "The IPv4 or IPv6 address to listen on.")
  var host = "127.0.0.1"

  @Option(help: "The port to listen on; 0 lets the kernel choose, and prints which.")
  var port: UInt16 = 7007

  @Option(help: "The least severe messages to log, by name; such as notice or debug.")
  var logLevel = "notice"

  func validate() throws {
    guard (try? SocketAddress(host: host, port: port)) != nil else {
      throw ValidationError("'\(host)' is not an IPv4 or IPv6 address; other names are not looked up.")
    }
    guard Logger.Level(rawValue: logLevel) != nil else { throw ValidationError("'\(logLevel)' is not a log level.") }
  }

  func run() async throws {
    var logger = Logger(label: "fan-out")
    logger.logLevel = Logger.Level(rawValue: logLevel) ?? .notice
    var configuration = TCPServer.Configuration()
    configuration.backlog = 4096
    configuration.drainTimeout = .seconds(2)
    let server = TCPServer(
      address: try SocketAddress(host: host, port: port),
      configuration: configuration,
      logger: logger
    )
    let members = Members()
    let summary = try await withThrowingTaskGroup { group in
      group.addTask {
        var isStopping = false
        for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
          if isStopping { server.abort() } else { server.shutdown() }
          isStopping = true
        }
      }
      defer { group.cancelAll() }
      return try await server.run(whenListening: { say("FanOut listening on \($0)") }) {
        FanOutHandler(members: members)
      }
    }
    say("summary: \(summary), cut off \(members.cutOff)")
  }
}

/// Prints a line at once, also when the output is a file or a pipe.
private func say(_ line: String) {
  print(line)
  fflush(nil)
}
