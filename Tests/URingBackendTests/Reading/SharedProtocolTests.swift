import IOBuffers
import Testing

@testable import URingBackend

/// One protocol for tasks and for handlers: the decoder and what writes the reply are the same values.
@Suite(.timeLimit(.minutes(3)))
struct SharedProtocolTests {
  /// The reply to a line: its length. Nil: the peer is done.
  private static func answer(_ line: borrowing ByteQueue, _ output: inout OutputBytes) throws(BufferError) -> Bool {
    if line.elementsEqual("quit") { return false }
    try output.append(decimal: line.count)
    try output.append("\r\n")
    return true
  }

  private struct LineHandler: ConnectionHandler, ~Copyable {
    var framer = Framer(LineDecoder(maximumLength: 1024))

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      framer.append(view)
      var isDone = false
      do {
        try connection.write { output in
          while !isDone, let line = try framer.next() { isDone = try !answer(line, &output) }
        }
      } catch FrameError.tooLong {
        try connection.send("too long\r\n")
        isDone = true
      }
      if isDone { connection.close() }
    }
  }

  private static func start(_ mode: ServerMode) async throws -> RunningServer {
    try await RunningServer.start { server, whenListening in
      switch mode {
      case .handlers:
        try await server.run(whenListening: whenListening) { LineHandler() }
      case .tasks:
        try await server.run(whenListening: whenListening) { connection in
          var reader = connection.reader()
          var decoder = LineDecoder(maximumLength: 1024)
          do {
            while let line = try await reader.next(&decoder) {
              var isDone = false
              try await connection.write { output in isDone = try !answer(line, &output) }
              if isDone { return }
            }
          } catch FrameError.tooLong {
            try await connection.send("too long\r\n")
          }
        }
      }
    }
  }

  @Test(arguments: ServerMode.allCases, Delivery.allCases)
  func aLineProtocol(mode: ServerMode, delivery: Delivery) async throws {
    let running = try await Self.start(mode)
    let port = running.port
    try await blocking {
      let client = try BlockingClient(port: port)
      try delivery.send(Array("hello\r\n\nabc\nquit\n".utf8), over: client)
      #expect(try client.receiveToEnd() == Array("5\r\n0\r\n3\r\n".utf8))
      let other = try BlockingClient(port: port)
      try delivery.send(Array(repeating: 7, count: 1025), over: other)
      #expect(try other.receiveToEnd() == Array("too long\r\n".utf8))
    }
    try await running.stop()
  }

  /// The server in the documentation of ``ConnectionReader``.
  @Test func theServerOfTheDocumentation() async throws {
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        var reader = connection.reader()
        do {
          while try await reader.waitForMessage() {
            guard let line = try await reader.readLine(limit: 1024, timeout: .seconds(10)) else { return }
            if line.elementsEqual("quit") { return }
            try await connection.write { output in
              try output.append(decimal: line.count)
              try output.append("\r\n")
            }
          }
        } catch ReadError.tooLong {
          try await connection.send("too long\r\n")
        }
      }
    }
    let port = running.port
    try await blocking {
      let client = try BlockingClient(port: port)
      try client.send(Array("hello\r\n\nabc\nquit\n".utf8))
      #expect(try client.receiveToEnd() == Array("5\r\n0\r\n3\r\n".utf8))
      let other = try BlockingClient(port: port)
      try other.send(Array(repeating: 7, count: 1025))
      #expect(try other.receiveToEnd() == Array("too long\r\n".utf8))
    }
    try await running.stop()
  }

  /// Answers as long as the peer takes, and goes on when it has: one view of many small requests is not answered at once.
  private struct Patient: ConnectionHandler, ~Copyable {
    let most: Locked<Int>
    var framer = Framer(LineDecoder())
    var hasEnded = false

    private mutating func answer(_ connection: borrowing ConnectionContext) throws {
      while !connection.isAboveHighWater, let request = try framer.next() {
        try connection.write { output throws(BufferError) in try output.append(repeating: 1, count: request.count * 200)
        }
      }
      let unsent = connection.unsentBytes
      most.change { $0 = max($0, unsent) }
      if hasEnded, !connection.isAboveHighWater { connection.close() }
    }

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      framer.append(view)
      try answer(connection)
    }

    mutating func outputDrained(_ connection: borrowing ConnectionContext) throws {
      try answer(connection)
    }

    mutating func inputEnded(_ connection: borrowing ConnectionContext) throws {
      hasEnded = true
      try answer(connection)
    }
  }

  @Test func aHandlerWaitsForItsPeerWithWhatItKeeps() async throws {
    let most = Locked(0)
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { Patient(most: most) }
    }
    let port = running.port
    let requests = 13_000
    let received = try await blocking {
      let client = try BlockingClient(port: port)
      try client.send(Array(repeating: Array("GET / 1.1\n".utf8), count: requests).flatMap { $0 })
      try client.closeOutput()
      return try client.readToTheEnd()
    }
    #expect(received.bytes == requests * 9 * 200)
    #expect(received.end == .endOfStream)
    #expect(most.value <= ConnectionLimits().highWaterBytes + 9 * 200)
    try await running.stop()
  }
}
