@testable import URingBackend

/// Runs blocking code on a thread of its own, so that it holds up neither the tests' threads nor a loop's.
func blocking<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
  try await withCheckedThrowingContinuation { continuation in
    do {
      try LoopThread.start { continuation.resume(with: Result { try body() }) }
    } catch {
      continuation.resume(throwing: error)
    }
  }
}

/// Runs `body` on `count` threads at a time and returns when all are done; the first error is thrown then.
func blockingThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) async throws {
  try await withThrowingTaskGroup { group in
    for index in 0..<count {
      group.addTask { try await blocking { try body(index) } }
    }
    try await group.waitForAll()
  }
}

/// Waits until `condition` holds. There is no limit here: the test's time limit is the guard against a hang.
func eventually(_ condition: () async throws -> Bool) async throws {
  while try await !condition() {
    try await Task.sleep(for: .milliseconds(1))
  }
}
