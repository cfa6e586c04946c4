import Glibc
public import Logging
import ServiceLifecycle
public import Sluice
import UnixSignals

/// Runs a server until SIGTERM or SIGINT, and prints where it listens and, in the end, what it did.
///
/// - Parameters:
///   - server: what to run.
///   - run: calls one of its methods `run`, and passes `whenListening` on to it.
public func serve(
  _ server: TCPServer,
  logger: Logger,
  run: @escaping @Sendable (TCPServer, (SocketAddress) -> Void) async throws -> TCPServer.Summary
) async throws {
  let service = TCPService(server) { server in
    let summary = try await run(server) { say("listening on \($0)") }
    say("summary: \(summary)")
  }
  try await untilSignal(service, logger)
}

/// The same for a server of datagrams.
public func serve(
  _ server: DatagramServer,
  logger: Logger,
  run: @escaping @Sendable (DatagramServer, (SocketAddress) -> Void) async throws -> LoopStatistics
) async throws {
  let service = DatagramService(server) { server in
    let totals = try await run(server) { say("listening on \($0)") }
    say(
      "summary: datagrams in \(totals.datagramsReceived), out \(totals.datagramsSent), dropped \(totals.datagramsDropped)"
    )
  }
  try await untilSignal(service, logger)
}

private func untilSignal(_ service: any Service, _ logger: Logger) async throws {
  let group = ServiceGroup(services: [service], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
  try await group.run()
}

/// Prints a line at once, also when the output is a file or a pipe.
public func say(_ line: String) {
  print(line)
  fflush(nil)
}
