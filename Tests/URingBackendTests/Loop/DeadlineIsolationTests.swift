import IOBuffers
import Testing

@testable import URingBackend

/// An operation with a deadline is its caller's own code: it uses what the caller may use, where the caller may use it.
@Suite(.timeLimit(.minutes(5)))
struct DeadlineIsolationTests {
  /// Not to be copied, and not to be shared.
  private struct Token: ~Copyable {
    let number: Int
  }

  private static func number(of token: borrowing Token?) -> Int? {
    switch token {
    case .some(let token): token.number
    case nil: nil
    }
  }

  private final class Unshared {
    var count = 0
  }

  private actor Account {
    var balance = 0

    func deposit(_ loop: EventLoop) async throws -> Int {
      try await loop.withDeadline(after: .seconds(10_000)) {
        assertIsolated()
        balance += 1
        await Task.yield()
        assertIsolated()
        balance += 1
      }
      return balance
    }
  }

  private actor Resident {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.serialExecutor.asUnownedSerialExecutor() }
    var count = 0

    init(_ loop: EventLoop) { self.loop = loop }

    func visit() async throws -> Int {
      try await loop.withDeadline(after: .seconds(10_000)) {
        assertIsolated()
        await Task.yield()
        count += loop.isCurrent ? 1 : 0
      }
      return count
    }
  }

  private static func add(_ number: Int, to sum: inout Int, on loop: EventLoop) async throws {
    try await loop.withDeadline(after: .seconds(10_000)) {
      await Task.yield()
      sum += number
    }
  }

  @Test func anOperationMayUseVariablesAndNoncopyableValuesOfItsCaller() async throws {
    let loop = try EventLoop.start()
    var sum = 0
    for number in 1...10 { try await Self.add(number, to: &sum, on: loop) }
    #expect(sum == 55)

    let unshared = Unshared()
    var kept: Token?
    let token = try await loop.withDeadline(after: .seconds(10_000)) {
      unshared.count += 1
      kept = Token(number: 3)
      await Task.yield()
      return Token(number: 4)
    }
    unshared.count += 1
    let numbers = [Self.number(of: kept), token.number]
    #expect(numbers == [3, 4] && unshared.count == 2)

    let none: Token? = try await loop.withDeadline(after: .seconds(10_000)) { nil }
    let isThere = none != nil
    #expect(!isThere)
    await loop.shutdown()
  }

  /// What the operation had before it was cancelled is there.
  @Test func whatAnOperationPutAsideBeforeTheDeadlineIsKept() async throws {
    let loop = try EventLoop.start()
    var kept: Token?
    do {
      try await loop.withDeadline(after: .milliseconds(5)) {
        kept = Token(number: 3)
        try await loop.sleep(for: .seconds(10_000))
      }
      Issue.record("nothing was thrown")
    } catch {
      #expect(error as? DeadlineExceeded == DeadlineExceeded(timeout: .milliseconds(5)))
    }
    let number = Self.number(of: kept)
    #expect(number == 3)
    await loop.shutdown()
  }

  @Test func aViewMayBeTheResult() async throws {
    let running = try await RunningServer.echo(.handlers)
    let loop = try EventLoop.start()
    let connection = try await TCPConnection.connect(to: running.address, on: loop)
    try await connection.send(try loop.arena.message([1, 2, 3]))
    let view = try await loop.withDeadline(after: .seconds(1000)) { try await connection.receive() }
    let bytes = view?.copied()
    #expect(bytes == [1, 2, 3])
    view?.release()
    await connection.close()
    await loop.shutdown()
    try await running.stop()
  }

  @Test func anOperationRunsWhereItsCallerIsIsolated() async throws {
    let loop = try EventLoop.start()
    #expect(try await Account().deposit(loop) == 2)
    #expect(try await Task(executorPreference: loop) { try await Account().deposit(loop) }.value == 2)
    let resident = Resident(loop)
    #expect(try await resident.visit() == 1)
    try await Task { @MainActor in
      var count = 0
      try await loop.withDeadline(after: .seconds(10_000)) {
        MainActor.assertIsolated()
        await Task.yield()
        MainActor.assertIsolated()
        count += loop.isCurrent ? 0 : 1
      }
      #expect(count == 1)
    }.value
    await loop.shutdown()
  }

  @Test func anOperationOfNoActorRunsOnTheLoop() async throws {
    let loop = try EventLoop.start()
    let other = try EventLoop.start()
    for executor in [nil, loop, other] {
      let places = try await Task(executorPreference: executor) {
        let inside = try await loop.withDeadline(after: .seconds(10_000)) {
          let first = loop.isCurrent
          await Task.yield()
          return first && loop.isCurrent
        }
        return inside && (executor == nil || executor?.isCurrent == true)
      }.value
      #expect(places)
    }
    await loop.shutdown()
    await other.shutdown()
  }
}
