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
  /// Waits until so many connections are left, and, when none is, nothing is held any more.
  /// - Parameter held: user code still holds something.
  func settles(open: UInt64 = 0, held: Bool = false, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let isSettled = try await comesTrue {
      let now = server.statistics
      return now.connectionsOpen == open && (open > 0 || held || now.slotsLocked == 0 && now.bytesHeld == 0)
    }
    #expect(isSettled, "\(server.statistics)", sourceLocation: sourceLocation)
  }
}
