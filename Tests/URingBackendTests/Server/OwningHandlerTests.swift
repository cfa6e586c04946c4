import IOBuffers
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Handlers may own what cannot be copied: views and buffers, kept in fields from one call to the next.
@Suite(.timeLimit(.minutes(2)))
struct OwningHandlerTests {
  /// Answers each message with the one before it, and at the end with the last one.
  private struct OneBehind: ConnectionHandler, ~Copyable {
    var kept: ReadView?

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
      if let previous = kept.take() { connection.send(previous) }
      kept = consume view
    }

    mutating func inputEnded(_ connection: borrowing ConnectionContext) {
      if let last = kept.take() { connection.send(last) }
      connection.close()
    }
  }

  @Test func aViewMayStayInAFieldUntilALaterCall() async throws {
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { OneBehind() }
    }
    let port = running.port
    try await blocking {
      let client = try BlockingClient(port: port)
      let other = try BlockingClient(port: port)
      try client.send([1, 2, 3])
      try other.send([9])
      while running.server.statistics.bytesReceived < 4 { usleep(1000) }
      try client.send([4, 5])
      #expect(try client.receive(exactly: 3) == [1, 2, 3])
      try client.closeOutput()
      #expect(try client.receiveToEnd() == [4, 5])
      // What it keeps goes back with it.
      try other.reset()
    }
    let summary = try await running.stop()
    #expect(summary.viewsOut == 0)
  }

  /// Answers with a buffer that it fills.
  private struct Counter: ConnectionHandler, ~Copyable {
    var reply: PooledBuffer?

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      var buffer = try reply.take() ?? connection.arena.allocate(minimumCapacity: 64)
      try view.withBytes { bytes throws(BufferError) in try buffer.append(bytes) }
      guard buffer.count >= 4 else {
        reply = consume buffer
        return
      }
      connection.send(buffer)
    }
  }

  @Test func aBufferMayBeFilledOverSeveralCalls() async throws {
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { Counter() }
    }
    let port = running.port
    try await blocking {
      let client = try BlockingClient(port: port)
      for byte: UInt8 in 1...4 { try client.send([byte]) }
      #expect(try client.receive(exactly: 4) == [1, 2, 3, 4])
      client.close()
    }
    try await running.stop()
  }
}
