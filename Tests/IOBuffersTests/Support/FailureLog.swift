import IOBuffers

/// Failures that were met on a thread that belongs to no test. The test expects `messages` to be empty.
final class FailureLog: Sendable {
  private static let limit = 20
  private let log = Guarded<[String]>([])

  var messages: [String] { log.withLock { $0 } }
  var isEmpty: Bool { log.withLock { $0.isEmpty } }

  func record(_ message: @autoclosure () -> String) {
    log.withLock { if $0.count < Self.limit { $0.append(message()) } }
  }

  func expect(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition { record(message()) }
  }
}
