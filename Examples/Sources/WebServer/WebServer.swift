import ArgumentParser
import HTTP1
import Serving
import Sluice

/// A server of HTTP/1.1.
@main
struct WebServer: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "An HTTP/1.1 server: files of a directory, /plaintext, and /echo, which sends back what is posted to it.",
    discussion: """
      Keep-alive, pipelining, chunks both ways, ranges, entity tags. Requests that two readers could understand differently \
      are refused; so are those that come too slowly, or are too large.

      Try it: start `WebServer --port 8080 --root .`, then `curl -i http://127.0.0.1:8080/README.md`, \
      `curl --data-binary @README.md http://127.0.0.1:8080/echo`, or `wrk http://127.0.0.1:8080/plaintext`.
      """
  )

  @OptionGroup var options: ServerOptions
  @OptionGroup var loops: LoopOptions

  @Option(help: .port)
  var port: UInt16 = 8080

  @Option(help: ArgumentHelp("The directory whose files are served; without it none are.", valueName: "directory"))
  var root: String?

  @Option(help: ArgumentHelp("How long a file stays open for whoever asks for it next.", valueName: "seconds"))
  var keepOpen = 1

  @Option(help: ArgumentHelp("How long the head of a request may take to come.", valueName: "seconds"))
  var requestTimeout = 10

  @Option(help: ArgumentHelp("How long a connection may stay without a byte.", valueName: "seconds"))
  var idleTimeout = 60

  @Option(help: ArgumentHelp("The most bytes of a body.", valueName: "bytes"))
  var bodyLimit = 64 << 20

  func validate() throws {
    guard requestTimeout > 0, idleTimeout > 0 else { throw ValidationError("Timeouts must be at least 1.") }
    guard keepOpen >= 0, bodyLimit >= 0 else { throw ValidationError("--keep-open, --body-limit: at least 0.") }
  }

  func run() async throws {
    let logger = options.logger("web-server")
    var configuration = options.configuration
    configuration.loops = loops.count
    configuration.limits.idleTimeout = .seconds(idleTimeout)
    let server = TCPServer(address: try options.address(port), configuration: configuration, logger: logger)
    let root = try root.map { path throws(FileError) in try Directory(path) }
    let (keepOpen, requestTimeout, bodyLimit) = (keepOpen, requestTimeout, bodyLimit)
    try await serve(server, logger: logger) { server, whenListening in
      let site: @Sendable (EventLoop) -> sending Site = { loop in
        let files = root.map { OpenFiles(beneath: $0, on: loop, validity: .seconds(keepOpen)) }
        return Site(files: files, requestTimeout: .seconds(requestTimeout), bodyLimit: bodyLimit)
      }
      return try await server.run(whenListening: whenListening, state: site) { connection, site in
        var client = WebClient(connection, site: site)
        try await client.serve()
      }
    }
  }
}
