import IOBuffers
import Testing

@testable import URingBackend

/// What the connections of one loop share, without a lock.
@Suite(.timeLimit(.minutes(5)))
struct LoopStateTests {
  /// Neither of these could be sent anywhere.
  private final class Counter {
    let loop: EventLoop
    var messages = 0
    let report: Locked<[Int]>

    init(_ loop: EventLoop, _ report: Locked<[Int]>) {
      self.loop = loop
      self.report = report
    }

    deinit { report.change { [messages] in $0.append(messages) } }
  }

  private struct CountingHandler: ConnectionHandler {
    let counter: Counter

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
      #expect(counter.loop === connection.loop)
      counter.messages += 1
      connection.send(view)
    }
  }

  /// - Returns: what each loop's counter came to.
  private func count(
    _ serve: @escaping @Sendable (TCPServer, (SocketAddress) -> Void, Locked<[Int]>) async throws -> TCPServer.Summary
  ) async throws -> (counted: [Int], messages: UInt64) {
    var configuration = TCPServer.Configuration()
    configuration.loops = 2
    let report = Locked<[Int]>([])
    let running = try await RunningServer.start(configuration) { try await serve($0, $1, report) }
    let port = running.port
    try await blocking { try EchoSwarm.run(port: port, clients: 8, total: 100_000) }
    let summary = try await running.stop()
    // The last reference may go a moment later, with the task that held it.
    try await eventually { report.value.count == 2 }
    return (report.value, summary.totals.messages)
  }

  @Test func theTasksOfALoopShareAValue() async throws {
    let (counted, messages) = try await count { server, whenListening, report in
      try await server.run(whenListening: whenListening, state: { Counter($0, report) }) { connection, counter in
        #expect(counter.loop === connection.loop)
        while let view = try await connection.receive() {
          counter.withValue { $0.messages += 1 }
          try await connection.send(view)
        }
      }
    }
    #expect(counted.reduce(0, +) == Int(messages))
  }

  @Test func theHandlersOfALoopShareAValue() async throws {
    let (counted, messages) = try await count { server, whenListening, report in
      try await server.run(whenListening: whenListening, state: { Counter($0, report) }) {
        CountingHandler(counter: $0)
      }
    }
    #expect(counted.reduce(0, +) == Int(messages))
  }

  /// Such as a buffer that all connections of a loop answer with.
  @Test func aValueMayBeOneThatCannotBeCopied() async throws {
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening, state: { Greeting($0) }) { connection, greeting in
        try await connection.send(try greeting.withValue { try $0.buffer.readView() })
      }
    }
    let port = running.port
    try await blocking {
      for _ in 0..<3 {
        let received = try BlockingClient(port: port).receiveToEnd()
        #expect(received == [0, 0, 0, 7])
      }
    }
    try await running.stop()
  }

  private struct Greeting: ~Copyable {
    var buffer: PooledBuffer

    init(_ loop: EventLoop) {
      do {
        buffer = try loop.arena.allocate(minimumCapacity: 4)
        try buffer.append(UInt32(7), as: .big)
      } catch {
        preconditionFailure("a new arena has room")
      }
    }
  }

  @Test func aValueIsNotGivenToWhoeverIsNotOnItsLoop() async throws {
    await #expect(processExitsWith: .failure) {
      let local = LoopLocal(1, on: try EventLoop.start())
      local.withValue { $0 += 1 }
    }
  }

  @Test func aValueIsNotLentTwiceAtATime() async throws {
    await #expect(processExitsWith: .failure) {
      let loop = try EventLoop.start()
      let local = LoopLocal(1, on: loop)
      await loop.onLoop { _ in
        local.withValue { value in
          local.withValue { $0 += 1 }
          value += 1
        }
      }
    }
  }
}
