import Testing

@testable import URingBackend

/// Whether `condition` comes to hold within a generous time. Unlike `eventually`, a test goes on and says what it found.
func comesTrue(within limit: Duration = .seconds(20), _ condition: () async throws -> Bool) async throws -> Bool {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < deadline else { return false }
    try await Task.sleep(for: .milliseconds(2))
  }
  return true
}

extension RunningServer {
  /// Waits until so many connections are left, and nothing is held for any that is gone.
  func settles(open: UInt64 = 0, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let isSettled = try await comesTrue {
      let now = server.statistics
      return now.connectionsOpen == open && (open > 0 || now.slotsLocked == 0 && now.bytesHeld == 0)
    }
    #expect(isSettled, "\(server.statistics)", sourceLocation: sourceLocation)
  }
}
