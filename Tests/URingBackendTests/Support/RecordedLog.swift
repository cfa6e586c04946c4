import Logging

@testable import URingBackend

/// Keeps what is logged.
final class RecordedLog: Sendable {
  struct Line: Sendable {
    let level: Logger.Level
    let text: String
  }

  private let content = Locked<[Line]>([])

  var lines: [Line] { content.value }

  /// How many lines are at least so severe.
  func count(atLeast level: Logger.Level) -> Int {
    lines.count { $0.level >= level }
  }

  func count(containing text: String) -> Int {
    lines.count { $0.text.contains(text) }
  }

  /// Logs here, from `trace` on.
  var logger: Logger {
    var logger = Logger(label: "test") { _ in Handler(log: self) }
    logger.logLevel = .trace
    return logger
  }

  private struct Handler: LogHandler {
    let log: RecordedLog
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      log.content.change { $0.append(Line(level: event.level, text: "\(event.message) \(event.metadata ?? [:])")) }
    }
  }
}

extension RunningServer {
  /// Starts a server that logs to `log`, and returns when it listens.
  static func start(
    _ configuration: TCPServer.Configuration = .init(),
    log: RecordedLog,
    _ serve: @escaping Serve
  ) async throws -> RunningServer {
    let server = TCPServer(address: .loopback(port: 0), configuration: configuration, logger: log.logger)
    let (listening, report) = AsyncStream<SocketAddress>.makeStream()
    let task = Task {
      defer { report.finish() }
      return try await serve(server) { report.yield($0) }
    }
    for await address in listening { return RunningServer(server: server, address: address, task: task) }
    _ = try await task.value
    throw ServerEndedEarly()
  }
}
