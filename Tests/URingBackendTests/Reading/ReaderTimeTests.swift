import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

/// Timeouts, deadlines, cancellation and the graceful stop: a reader loses nothing to any of them.
@Suite(.timeLimit(.minutes(3)))
struct ReaderTimeTests {
  enum Operation: CaseIterable, Sendable {
    case exactly, upTo, until, line, peek, message, skip, into, next, lend

    /// Runs on what can never be there in time.
    func run(_ reader: inout ConnectionReader, _ buffer: inout PooledBuffer, timeout: Duration?) async throws {
      switch self {
      case .exactly: _ = try await reader.read(exactly: 10, timeout: timeout)
      case .upTo: while try await reader.read(upTo: 1, timeout: timeout) != nil {}
      case .until: _ = try await reader.read(until: "x", timeout: timeout)
      case .line: _ = try await reader.readLine(timeout: timeout)
      case .peek: _ = try await reader.peek(10, timeout: timeout)
      case .message:
        reader.bytes = ByteQueue()
        _ = try await reader.waitForMessage(timeout: timeout)
      case .skip: try await reader.skip(10, timeout: timeout)
      case .into: try await reader.read(10, into: &buffer, timeout: timeout)
      case .next:
        var decoder = LineDecoder()
        _ = try await reader.next(&decoder, timeout: timeout)
      case .lend: while true { try await reader.read(timeout: timeout) { _ in } }
      }
    }

    /// What is left in the reader of three bytes.
    var left: Int {
      switch self {
      case .upTo, .message, .skip, .into: 0
      default: 3
      }
    }
  }

  enum Interruption: CaseIterable, Sendable {
    case timeout, deadline, withDeadline, cancellation
  }

  @Test(arguments: Operation.allCases, Place.allCases)
  func anInterruptedOperationLosesNothing(operation: Operation, place: Place) async throws {
    for interruption in Interruption.allCases {
      try await serveOne(
        place,
        client: { client in
          try client.send([1, 2, 3])
          #expect(try client.receive(exactly: 1) == [0])
          try client.send([4, 5])
          _ = client.isEnded()
        },
        body: { connection in
          var reader = connection.reader()
          var buffer = try await connection.allocate(minimumCapacity: 16)
          #expect(try await reader.peek(3))
          await #expect(throws: (any Error).self) {
            try await Self.interrupt(connection, &reader, &buffer, operation, interruption)
          }
          let (left, landed) = (reader.bytes.count, buffer.count)
          #expect(left == operation.left, "\(interruption)")
          #expect(operation != .into || landed == 3)
          try await connection.send([0])
          #expect(try await reader.peek(operation.left + 2))
          let last = Array(reader.bytes.bytes().suffix(2))
          #expect(last == [4, 5])
        }
      )
    }
  }

  private static func interrupt(
    _ connection: TCPConnection,
    _ reader: inout ConnectionReader,
    _ buffer: inout PooledBuffer,
    _ operation: Operation,
    _ interruption: Interruption
  ) async throws {
    do {
      switch interruption {
      case .timeout:
        try await operation.run(&reader, &buffer, timeout: .milliseconds(20))
      case .deadline:
        reader.setDeadline(after: .milliseconds(20))
        defer { reader.setDeadline(after: nil) }
        try await operation.run(&reader, &buffer, timeout: .seconds(100))
      case .withDeadline:
        try await connection.loop.withDeadline(after: .milliseconds(20)) {
          try await operation.run(&reader, &buffer, timeout: nil)
        }
      case .cancellation:
        // Cancelled before it has begun to wait, or while it begins.
        try await connection.loop.withDeadline(after: .zero) {
          try await operation.run(&reader, &buffer, timeout: nil)
        }
      }
    } catch ReadError.connection(let error) {
      #expect(error.kind == .timedOut)
      #expect([.timeout, .deadline].contains(interruption))
      throw error
    } catch is DeadlineExceeded {
      #expect([.withDeadline, .cancellation].contains(interruption))
      throw DeadlineExceeded(timeout: .zero)
    }
  }

  /// The time of a request is that of all its calls together.
  @Test func aDeadlineBoundsSeveralCalls() async throws {
    try await serveOne(
      client: { client in
        // A byte now and then, for ever: no single call takes long.
        while (try? client.send([1])) != nil, try !client.hasEnded(within: 2) {}
      },
      body: { connection in
        var reader = connection.reader()
        reader.setDeadline(after: .milliseconds(100))
        await #expect(throws: ReadError.self) {
          while true { _ = try await reader.read(exactly: 1, timeout: .seconds(50)) }
        }
        // It is over, also for what is there; a new one goes on.
        try await Task.sleep(for: .milliseconds(10))
        await #expect(throws: ReadError.self) { _ = try await reader.read(exactly: reader.bytes.count + 1) }
        reader.setDeadline(after: .seconds(100))
        _ = try await reader.read(exactly: 3)
        reader.setDeadline(after: nil)
        _ = try await reader.read(exactly: 3)
        await connection.abort()
      }
    )
  }

  @Test(arguments: Place.allCases)
  func aStopEndsAReaderBetweenMessagesOnly(place: Place) async throws {
    var configuration = TCPServer.Configuration()
    configuration.drainTimeout = .seconds(50)
    let begun = Gate()
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        try await place.run {
          var reader = connection.reader()
          while try await reader.waitForMessage() {
            begun.open()
            guard let line = try await reader.readLine() else { return }
            try await connection.send(line)
          }
        }
      }
    }
    let port = running.port
    let idle = try await blocking { try BlockingClient(port: port) }
    let busy = try await blocking {
      let client = try BlockingClient(port: port)
      try client.send(Array("half of ".utf8))
      return client
    }
    await begun.wait()
    running.server.shutdown()
    try await blocking {
      #expect(try idle.receiveToEnd() == [])
      idle.close()
      try busy.send(Array("a line\n".utf8))
      #expect(try busy.receiveToEnd() == Array("half of a line".utf8))
      busy.close()
    }
    try await running.ended()
  }
}

extension BlockingClient {
  /// Whether the other side ends the connection within so many milliseconds.
  fileprivate func hasEnded(within milliseconds: Int32) throws -> Bool {
    do {
      _ = try waitForTheEnd(milliseconds: milliseconds)
      return true
    } catch Errno.timedOut {
      return false
    }
  }
}
