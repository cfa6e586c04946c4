/// The time that was given for an operation ran out.
public struct DeadlineExceeded: Error, Hashable, Sendable, CustomStringConvertible {
  /// How long the operation had been given.
  public let timeout: Duration

  /// What happened.
  public var description: String { "the operation did not finish within \(timeout)" }
}

extension EventLoop {
  /// Runs `operation` and cancels it when it takes longer than `timeout`.
  ///
  /// Any task. The operation is cancelled, not abandoned: this returns only when it has ended, so nothing of it goes on
  /// behind the caller's back. For a single receive, `TCPConnection.receive(timeout:)` costs less.
  ///
  /// - Throws: `DeadlineExceeded` when the time ran out first, otherwise what the operation throws.
  public func withDeadline<Result: Sendable>(
    after timeout: Duration,
    _ operation: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    try await withThrowingTaskGroup { group in
      group.addTask(executorPreference: self) { try await operation() }
      group.addTask(executorPreference: self) {
        try await self.sleep(for: timeout)
        throw DeadlineExceeded(timeout: timeout)
      }
      defer { group.cancelAll() }
      guard let result = try await group.next() else { throw DeadlineExceeded(timeout: timeout) }
      return result
    }
  }
}
