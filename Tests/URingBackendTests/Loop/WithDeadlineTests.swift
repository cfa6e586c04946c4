import IOBuffers
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What an operation has come to counts, whenever its time ran out.
@Suite(.timeLimit(.minutes(5)))
struct WithDeadlineTests {
  private static let peer = SocketAddress.loopback(port: 7)
  private static let moment = Duration.milliseconds(5)
  private static let forEver = Duration.seconds(10_000)

  private func withLoop(_ body: (EventLoop) async throws -> Void) async throws {
    let loop = try EventLoop.start()
    try await body(loop)
    #expect(await loop.onLoop { $0.timers.armed } == 0)
    await loop.shutdown()
  }

  @Test func aValueThatComesBehindTheDeadlineIsReturned() async throws {
    try await withLoop { loop in
      let value = try await loop.withDeadline(after: Self.moment) {
        try? await loop.sleep(for: Self.forEver)
        return Task.isCancelled ? 7 : 0
      }
      #expect(value == 7)
    }
  }

  private static let cancellations: [any Error] = [
    CancellationError(), SocketError(.cancelled, .receive, peer: peer), BufferError.cancelled,
  ]

  @Test(arguments: cancellations)
  func anOperationThatEndsAsCancelledBehindTheDeadlineExceededIt(error: any Error) async throws {
    try await withLoop { loop in
      await #expect(throws: DeadlineExceeded(timeout: Self.moment)) {
        try await loop.withDeadline(after: Self.moment) {
          try? await loop.sleep(for: Self.forEver)
          throw error
        }
      }
    }
  }

  private static let failures: [any Error] = [
    SocketError(.closed, .receive, peer: peer), BufferError.closed, DeadlineExceeded(timeout: .seconds(1)),
  ]

  @Test(arguments: failures)
  func anotherErrorBehindTheDeadlineIsThrownAsItIs(error: any Error) async throws {
    try await withLoop { loop in
      let thrown = await #expect(throws: (any Error).self) {
        try await loop.withDeadline(after: Self.moment) {
          try? await loop.sleep(for: Self.forEver)
          throw error
        }
      }
      #expect(thrown.map { "\($0)" } == "\(error)")
    }
  }

  @Test(arguments: cancellations)
  func anOperationThatCancelsItselfInTimeHasNotExceededAnything(error: any Error) async throws {
    try await withLoop { loop in
      let thrown = await #expect(throws: (any Error).self) {
        try await loop.withDeadline(after: Self.forEver) { throw error }
      }
      #expect(thrown.map { "\($0)" } == "\(error)")
    }
  }

  @Test func theCancellationOfTheCallerIsNoDeadline() async throws {
    try await withLoop { loop in
      let task = Task {
        try await loop.withDeadline(after: Self.forEver) { try await loop.sleep(for: Self.forEver) }
      }
      try await eventually { await loop.onLoop { $0.timers.armed } == 2 }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
    }
  }

  @Test func theCancellationOfTheCallerBehindTheDeadlineIsStillOne() async throws {
    try await withLoop { loop in
      let isLate = Locked(false)
      let mayEnd = Locked(false)
      let task = Task {
        try await loop.withDeadline(after: Self.moment) {
          try? await loop.sleep(for: Self.forEver)
          isLate.change { $0 = true }
          while !mayEnd.value { await Task.yield() }
          throw CancellationError()
        }
      }
      try await eventually { isLate.value }
      task.cancel()
      mayEnd.change { $0 = true }
      await #expect(throws: CancellationError.self) { try await task.value }
    }
  }

  @Test func theValueOfAnOperationWhoseCallerIsCancelledIsReturned() async throws {
    try await withLoop { loop in
      let task = Task {
        try await loop.withDeadline(after: Self.forEver) {
          try? await loop.sleep(for: Self.forEver)
          return 7
        }
      }
      try await eventually { await loop.onLoop { $0.timers.armed } == 2 }
      task.cancel()
      #expect(try await task.value == 7)
    }
  }

  @Test func aDeadlineInADeadlineIsTheOneThatRanOut() async throws {
    try await withLoop { loop in
      for (outer, inner) in [(Self.moment, Self.forEver), (Self.forEver, Self.moment)] {
        await #expect(throws: DeadlineExceeded(timeout: Self.moment)) {
          try await loop.withDeadline(after: outer) {
            try await loop.withDeadline(after: inner) { try await loop.sleep(for: Self.forEver) }
          }
        }
      }
    }
  }

  @Test func anOperationOnALoopThatHasEndedHasItsTime() async throws {
    let loop = try EventLoop.start()
    await loop.shutdown()
    let value = try await loop.withDeadline(after: Self.forEver) {
      try await Task.sleep(for: Self.moment)
      return 7
    }
    #expect(value == 7)
    await #expect(throws: DeadlineExceeded(timeout: Self.moment)) {
      try await loop.withDeadline(after: Self.moment) { try await Task.sleep(for: Self.forEver) }
    }
    let endless = Task {
      try await loop.withDeadline(after: .seconds(Int64.max)) { try await Task.sleep(for: Self.forEver) }
    }
    endless.cancel()
    await #expect(throws: CancellationError.self) { try await endless.value }
  }

  @Test func theEndOfTheLoopIsNotTheEndOfTheTime() async throws {
    let loop = try EventLoop.start()
    let mayEnd = Locked(false)
    let inTime = Task {
      try await loop.withDeadline(after: Self.forEver) {
        while !mayEnd.value { try await Task.sleep(for: .milliseconds(1)) }
        return 7
      }
    }
    let late = Task {
      try await loop.withDeadline(after: .milliseconds(200)) { try await Task.sleep(for: Self.forEver) }
    }
    // On a busy machine one of them may be later than the other's end: the outcome is the same.
    try await eventually { await loop.onLoop { $0.timers.armed } >= 1 }
    await loop.shutdown()
    mayEnd.change { $0 = true }
    #expect(try await inTime.value == 7)
    await #expect(throws: DeadlineExceeded(timeout: .milliseconds(200))) { try await late.value }
  }

  /// Each operation takes about as long as it is given. What one has come to is what its caller gets.
  @Test(arguments: [true, false])
  func noValueThatComesAsTheTimeRunsOutIsLost(onTheLoop: Bool) async throws {
    try await withLoop { loop in
      let made = Locked(0)
      let rounds = TestRun.amount(2000, short: 300, long: 100_000)
      let received = try await Task(executorPreference: onTheLoop ? loop : nil) {
        var received = 0
        for round in 0..<rounds {
          do {
            received += try await loop.withDeadline(after: .microseconds(200)) {
              try await loop.sleep(for: .microseconds(190 + round % 20))
              made.change { $0 += 1 }
              return 1
            }
          } catch is DeadlineExceeded {}
        }
        return received
      }.value
      #expect(received == made.value)
    }
  }

  /// Bytes that come one by one, each at about the time at which the receive that waits for it runs out of time.
  @Test(arguments: [true, false])
  func noByteThatComesAsTheTimeRunsOutIsLost(onTheLoop: Bool) async throws {
    try await withLoop { loop in
      let listener = try PlainListener()
      let connection = try await TCPConnection.connect(to: .loopback(port: listener.port), on: loop)
      let peer = try await blocking { try listener.accept() }
      let count = TestRun.amount(5000, short: 500, long: 200_000)
      let expected = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
      async let sending: Void = blocking {
        for byte in expected {
          try peer.send([byte])
          usleep(150)
        }
        try peer.closeOutput()
      }
      let received = try await Task(executorPreference: onTheLoop ? loop : nil) {
        var received: [UInt8] = []
        while true {
          do {
            let bytes = try await loop.withDeadline(after: .microseconds(200)) {
              try await connection.receive()?.copied()
            }
            guard let bytes else { return received }
            received += bytes
          } catch is DeadlineExceeded {}
        }
      }.value
      try await sending
      #expect(received.count == count)
      #expect(received == expected)
      peer.close()
      await connection.close()
    }
  }
}
