import ArgumentParser
import Glibc
import Logging
import Sluice
import UnixSignals

/// The demo: sends back what it receives, out of the memory that the kernel received it into.
@main
struct EchoServer: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "EchoServer",
    abstract: "A TCP echo server that copies nothing, on io_uring or, where that is refused, on epoll.",
    discussion: """
      Each message is received into a locked view of pooled memory, and the same view is sent back: the bytes never \
      move in user space. SIGINT and SIGTERM stop accepting, let connections finish, and print a summary; a second signal \
      closes them at once.

      Try it: start `EchoServer --port 7007`, then in another terminal `printf 'hello\\n' | nc -N 127.0.0.1 7007`.
      """
  )

  @OptionGroup var options: Options

  func run() async throws {
    outliveReaders()
    if options.features {
      var selection = try DriverSelection(options.driver)
      selection.disable(options.without)
      say("driver: \(selection)\n\(selection.features)")
      return
    }
    if options.datagrams { return try await DatagramEcho(options: options).run() }
    let logger = options.logger
    let server = TCPServer(
      addresses: [try options.address] + (try options.unixAddresses),
      configuration: options.serverConfiguration,
      logger: logger
    )

    // From here on, before anybody knows that the server is there.
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    let summary = try await withThrowingTaskGroup { group in
      group.addTask {
        var isStopping = false
        for await signal in signals {
          logger.info("stopping", metadata: ["signal": "\(signal)"])
          if isStopping { server.abort() } else { server.shutdown() }
          isStopping = true
        }
      }
      defer { group.cancelAll() }
      return try await serve(server) { addresses in
        for address in addresses { say("EchoServer listening on \(address)") }
        guard let interval = options.stats?.duration else { return }
        group.addTask {
          try await printStatistics(of: server, every: interval)
          logger.notice("nobody reads the output any more; no more statistics are printed")
        }
      }
    }
    report("summary: \(summary)")
    if options.zeroCopy != nil {
      report("zero-copy sends \(summary.totals.zeroCopySends), copied by the kernel \(summary.totals.zeroCopyCopied)")
    }
  }

  /// The whole server, in each of its two ways.
  private func serve(
    _ server: TCPServer,
    whenListening: ([SocketAddress]) -> Void
  ) async throws -> TCPServer.Summary {
    switch options.mode {
    case .async:
      try await server.run(whenListeningOnAll: whenListening) { connection in
        while let view = try await connection.receiveUnlessStopping() {
          try await connection.send(view)
        }
      }
    case .handler:
      try await server.run(whenListeningOnAll: whenListening) { EchoHandler() }
    }
  }

  /// What must not be lost goes to the standard error when nobody reads the output.
  private func report(_ line: String) {
    if !say(line) { say(line, on: STDERR_FILENO) }
  }
}

/// The fast path: called on the loop's own thread for each received view.
struct EchoHandler: ConnectionHandler {
  mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
    connection.send(view)
  }

  /// Whoever has its echo is done; the others have until the drain deadline.
  mutating func stopping(_ connection: borrowing ConnectionContext) {
    if connection.unsentBytes == 0 { connection.close() }
  }
}
