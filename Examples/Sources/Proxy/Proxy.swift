import ArgumentParser
import Logging
import Serving
import Sluice

/// Passes connections on to another server.
@main
struct Proxy: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "A TCP proxy: what comes from a client goes to a server, and back, without a copy in user space.",
    discussion: """
      Each side is read as fast as the other one takes it. When one side ends its stream, the other one is told, and may go \
      on with its own; when one is reset, so is the other one. Where the server cannot be reached, the client is reset.

      Try it: start `Proxy --port 7008 127.0.0.1:8080` and `python3 -m http.server 8080`, then \
      `curl http://127.0.0.1:7008/`.
      """
  )

  @OptionGroup var options: ServerOptions
  @OptionGroup var loops: LoopOptions

  @Option(help: .port)
  var port: UInt16 = 7008

  @Option(help: ArgumentHelp("How long connecting may take, over all addresses of a name.", valueName: "seconds"))
  var connectTimeout = 10

  @Option(
    help: ArgumentHelp("How long a connection may stay without a byte in either direction.", valueName: "seconds")
  )
  var idleTimeout = 300

  @Argument(
    help: ArgumentHelp("Where to: a name or an address, and a port; [::1]:80 for one of IPv6.", valueName: "host:port")
  )
  var target: Endpoint

  func validate() throws {
    guard connectTimeout > 0, idleTimeout > 0 else { throw ValidationError("Timeouts must be at least 1.") }
  }

  func run() async throws {
    let logger = options.logger("proxy")
    var configuration = options.configuration
    configuration.loops = loops.count
    configuration.limits.idleTimeout = .seconds(idleTimeout)
    let (target, timeout, limits) = (target, Duration.seconds(connectTimeout), configuration.limits)
    let server = TCPServer(address: try options.address(port), configuration: configuration, logger: logger)
    try await serve(server, logger: logger) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        let upstream: TCPConnection
        do throws(HostConnectError) {
          upstream = try await .connect(
            host: target.host,
            port: target.port,
            on: connection.loop,
            timeout: timeout,
            limits: limits
          )
        } catch {
          logger.warning("cannot connect", metadata: ["error": "\(error)"])
          return await connection.abort()
        }
        try await TCPConnection.join(connection, upstream)
      }
    }
  }
}
