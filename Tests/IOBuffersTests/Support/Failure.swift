import IOBuffers
import Testing

/// The `BufferError` that `body` throws, or nil when it succeeds. Any other error is an issue.
///
/// `#expect(throws:)` cannot be used where the body returns a noncopyable value.
func failure<Result: ~Copyable>(
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws -> Result
) -> BufferError? {
  do {
    _ = try body()
    return nil
  } catch let error as BufferError {
    return error
  } catch {
    Issue.record(error, "not a BufferError", sourceLocation: sourceLocation)
    return nil
  }
}

/// The same for an operation that suspends.
func failure<Result: ~Copyable>(
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () async throws -> Result
) async -> BufferError? {
  do {
    _ = try await body()
    return nil
  } catch let error as BufferError {
    return error
  } catch {
    Issue.record(error, "not a BufferError", sourceLocation: sourceLocation)
    return nil
  }
}

extension BufferError {
  /// The report of a refused operation, nil for any other error.
  var report: LockReport? {
    guard case .locked(let report) = self else { return nil }
    return report
  }

  /// Whether the arena had no memory left.
  var isLimitReached: Bool {
    guard case .limitReached = self else { return false }
    return true
  }
}
