/// The time that was given for an operation ran out.
public struct DeadlineExceeded: Error, Hashable, Sendable, CustomStringConvertible {
  /// How long the operation had been given.
  public let timeout: Duration

  /// What happened.
  public var description: String { "the operation did not finish within \(timeout)" }
}

/// An error that may say no more than that the task was cancelled.
protocol CancellationReport: Error {
  var isCancellation: Bool { get }
}

extension CancellationError: CancellationReport {
  var isCancellation: Bool { true }
}

extension EventLoop {
  /// Runs `operation` and cancels it when it takes longer than `timeout`.
  ///
  /// The operation is cancelled, not abandoned: this returns only when it has ended, so nothing of it goes on behind the
  /// caller's back, and what it has come to by then counts. A value that arrives as the time runs out is not lost. For a
  /// single receive, `TCPConnection.receive(timeout:)` costs less.
  ///
  /// Any task. The operation may use whatever its caller may use, variables and noncopyable values too, and runs where
  /// the caller is isolated; a caller that is isolated to no actor finds it on this loop. It is a task of its own, a
  /// child of the caller's. Once the loop has ended the time is measured all the same.
  ///
  /// - Parameters:
  ///   - timeout: how long the operation may take, measured by CLOCK_MONOTONIC.
  ///   - isolation: the caller's.
  ///   - operation: what is given so long.
  /// - Returns: what the operation returns, however late.
  /// - Throws: `DeadlineExceeded` when the time ran out and the operation, cancelled for that, ended as a cancelled one
  ///   does: with `CancellationError`, or the `cancelled` of a `SocketError` or a `BufferError`. Every other error of the
  ///   operation as it is, and so the cancellation of the calling task.
  public func withDeadline<Value: ~Copyable>(
    after timeout: Duration,
    isolation: isolated (any Actor)? = #isolation,
    _ operation: nonisolated(nonsending) () async throws -> Value
  ) async throws -> Value {
    var outcome: Result<Value, any Error>?
    var isLate = false
    await withoutActuallyEscaping({ () async -> Void in
      do {
        outcome = .success(try await operation())
      } catch {
        outcome = .failure(error)
      }
    }) { operation in
      // Holds because it is not really sent: the child runs it where the caller is isolated (it captures `isolation`),
      // and the caller, whose state it uses, is suspended until the child has ended.
      nonisolated(unsafe) let operation = operation
      isLate = await withTaskGroup(of: RaceEnd.self) { group in
        group.addTask(executorPreference: isolation == nil ? self : nil) {
          _ = isolation
          unsafe await operation()
          return .operation
        }
        group.addTask(executorPreference: self) { await self.lasts(timeout) ? .time : .cancelled }
        let first = await group.next()
        group.cancelAll()
        // The other one too: nothing goes on behind the caller's back.
        await group.waitForAll()
        return first == .time
      }
    }
    switch outcome.take() {
    case .success(let value): return value
    case .failure(let error):
      // Whoever cancelled the caller is the one who wanted this, whatever the clock says.
      let isCancellation = (error as? any CancellationReport)?.isCancellation == true
      if isLate, isCancellation, !Task.isCancelled { throw DeadlineExceeded(timeout: timeout) }
      throw error
    case nil: throw CancellationError()
    }
  }

  /// Returns when the time is over, and false when the task was cancelled before.
  private func lasts(_ time: Duration) async -> Bool {
    let end = clock.deadline(after: time)
    do throws(CancellationError) {
      try await sleep(for: time)
      return true
    } catch {
      // A loop that ends wakes its sleepers, which is not the end of the time: the rest of it passes elsewhere.
      return (try? await Task.sleep(for: clock.time(until: end), clock: .suspending)) != nil
    }
  }
}

/// Which of the two came to its end: the operation, or the time that it was given. The time may be cancelled.
private enum RaceEnd: Sendable {
  case operation
  case time
  case cancelled
}
