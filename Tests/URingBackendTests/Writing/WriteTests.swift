import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

/// Writing replies: in one piece or not at all, with memory that may have to be waited for.
@Suite(.timeLimit(.minutes(3)))
struct WriteTests {
  private struct Refusal: Error {}

  @Test(arguments: Place.allCases)
  func whatABodyWritesGoesOutTogetherOrNotAtAll(place: Place) async throws {
    let large = Pattern().bytes(count: 300_000)
    try await serveOne(
      place,
      client: { client in
        #expect(try client.receive(exactly: 9) == Array("count 12\n".utf8))
        let received = try client.receiveToEnd()
        #expect(received == [1, 2] + large + [3])
      },
      body: { connection in
        try await connection.write { output in
          try output.append("count ")
          try output.append(decimal: 12)
          try output.append("\n")
        }
        await #expect(throws: Refusal.self) {
          try await connection.write { output in
            try output.append("half of a reply")
            throw Refusal()
          }
        }
        try await connection.write { _ in }
        var body = ByteQueue(try connection.arena.message(large))
        try await connection.write { output in
          try output.append([1, 2])
          output.append(body.take())
          try output.append([3])
        }
      }
    )
  }

  @Test(arguments: Place.allCases)
  func copiesOfWhateverThereIsCanBeSent(place: Place) async throws {
    let large = Pattern().bytes(count: 200_000)
    let word = "wörd"
    try await serveOne(
      place,
      client: { client in
        let received = try client.receiveToEnd()
        #expect(received == Array("textwörd".utf8) + [1, 2, 3, 4, 5, 9, 8] + large)
      },
      body: { connection in
        try await connection.send("text")
        try await connection.send(word)
        try await connection.send([1, 2, 3] as [UInt8])
        try await connection.send([])
        try await connection.send("")
        let bytes: [UInt8] = [4, 5]
        try unsafe await connection.send(bytes.span.bytes)
        var queue = ByteQueue(try connection.arena.message([9]))
        queue.append(try connection.arena.message([8]))
        try await connection.send(queue)
        try await connection.send(ByteQueue())
        try await connection.send(large)
      }
    )
  }

  private struct Greeter: ConnectionHandler {
    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      let word = "wörd"
      try connection.send("text")
      try connection.send(word)
      try connection.send([1, 2])
      let bytes: [UInt8] = [4, 5]
      try unsafe connection.send(bytes.span.bytes)
      do {
        try connection.write { output in
          try output.append("half")
          throw Refusal()
        }
      } catch is Refusal {}
      var queue = ByteQueue(view)
      queue.append(try connection.arena.message([8]))
      connection.send(queue)
      connection.send(ByteQueue())
      connection.closeOutput()
      #expect(try !connection.send("too late"))
      let isSent = connection.send(ByteQueue(try connection.arena.message([8])))
      #expect(!isSent)
    }
  }

  @Test func handlersHaveTheSame() async throws {
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { Greeter() }
    }
    let port = running.port
    try await blocking {
      let client = try BlockingClient(port: port)
      try client.send([7, 7])
      let received = try client.receiveToEnd()
      #expect(received == Array("textwörd".utf8) + [1, 2, 4, 5, 7, 7, 8])
    }
    try await running.stop()
  }

  /// Many tasks, each of which writes whole sentences.
  @Test func whatTasksWriteAtTheSameTimeStaysInOnePiece() async throws {
    let writers: UInt8 = 8
    let rounds = TestRun.amount(200, short: 50, long: 2000)
    try await serveOne(
      client: { client in
        let bytes = try client.receiveToEnd()
        #expect(bytes.count == Int(writers) * rounds * 9)
        for start in stride(from: 0, to: bytes.count, by: 9) {
          guard Set(bytes[start..<start + 9]).count == 1 else {
            Issue.record("a sentence was cut")
            return
          }
        }
      },
      body: { connection in
        try await withThrowingTaskGroup { group in
          for writer in 0..<writers {
            group.addTask {
              for _ in 0..<rounds {
                // Three views, from a thread of its own, or from the loop.
                var queue = ByteQueue()
                for _ in 0..<3 { queue.append(try connection.arena.message([writer, writer, writer])) }
                try await connection.send(queue)
              }
            }
          }
          try await group.waitForAll()
        }
      }
    )
  }

  // MARK: Errors

  /// A reply that is handed over is not lost to a `catch` block.
  @Test(arguments: Place.allCases)
  func aReplyCanBeChangedWhenSomethingFails(place: Place) async throws {
    try await serveOne(
      place,
      client: { client in
        let received = try client.receiveToEnd()
        #expect(received == Array("good;bad request".utf8))
      },
      body: { connection in
        var output = OutputBytes(arena: connection.arena)
        do {
          try output.append("good;")
          try await connection.send(output.finish())
          try output.append("half of the next one")
          throw Refusal()
        } catch is Refusal {
          output.removeAll()
          try output.append("bad request")
          try await connection.send(output.finish())
        }
      }
    )
  }

  @Test(arguments: Place.allCases)
  func nothingIsSentBehindTheEnd(place: Place) async throws {
    try await serveOne(
      place,
      client: { client in
        let received = try client.receiveToEnd()
        #expect(received == [1])
      },
      body: { connection in
        try await connection.send([1] as [UInt8])
        await connection.closeOutput()
        for _ in 0..<2 {
          do throws(SocketError) {
            try await connection.send("late")
            Issue.record("sent behind the end")
          } catch {
            #expect(error.kind == .closed)
          }
        }
        var writer = connection.writer()
        try writer.output.append("late")
        await #expect(throws: SocketError.self) { try await writer.flush() }
        // It is empty, and in order.
        let left = writer.output.count
        #expect(left == 0)
        let isSent = await connection.trySend(try connection.arena.message([1]))
        #expect(!isSent)
        await #expect(throws: SocketError.self) { try await connection.write { try $0.append("late") } }
      }
    )
  }

  /// Also when the next question has come in part; and what came together is answered in one piece.
  @Test(arguments: Place.allCases)
  func aReaderFlushesTheWriterBeforeItWaits(place: Place) async throws {
    try await serveOne(
      place,
      client: { client in
        try client.send(Array("one\r\ntwo\r\nth".utf8))
        #expect(try client.receive(exactly: 8) == Array("one\ntwo\n".utf8))
        try client.send(Array("ree\r\n".utf8))
        #expect(try client.receive(exactly: 6) == Array("three\n".utf8))
        try client.send(Array("four\r\n".utf8))
        try client.closeOutput()
        #expect(try client.receiveToEnd() == Array("four\n".utf8))
      },
      body: { connection in
        var reader = connection.reader()
        var writer = connection.writer()
        var lines = LineDecoder(maximumLength: 100)
        var held: [Int] = []
        while let line = try await reader.next(&lines, flushing: &writer) {
          held.append(writer.output.count)
          writer.output.append(line)
          try writer.output.append("\n")
        }
        let left = writer.output.count
        #expect(held == [0, 4, 0, 0] && left == 0)
      }
    )
  }

  // MARK: Memory

  private static var small: TCPServer.Configuration {
    var configuration = TCPServer.Configuration()
    configuration.loop.bufferBytes = 1 << 20
    return configuration
  }

  /// All there is, in buffers.
  private static func takeAll(_ arena: BufferArena) -> BufferHoard {
    let hoard = BufferHoard()
    var size = 65_536
    while size >= 64 {
      do {
        hoard.keep(try arena.allocate(minimumCapacity: size))
      } catch {
        size /= 2
      }
    }
    return hoard
  }

  @Test(arguments: Place.allCases)
  func aTaskWaitsForMemory(place: Place) async throws {
    let waits = Gate()
    try await serveOne(
      place,
      Self.small,
      client: { client in
        let received = try client.receiveToEnd()
        #expect(received == Array("hello".utf8) + [7])
      },
      body: { connection in
        let hoard = Self.takeAll(connection.arena)
        // Nobody waits for ever.
        await #expect(throws: SocketError(.timedOut, .allocate, peer: connection.peer)) {
          try await connection.write(timeout: .milliseconds(10)) { try $0.append("late") }
        }
        async let sent: Void = connection.write { output in
          waits.open()
          // What was promised is there.
          try output.append("hello")
          #expect(hoard.isEmpty)
        }
        try await eventually { connection.arena.statistics.waiting > 0 }
        hoard.drop()
        try await sent
        await waits.wait()
        // A send returns when it is queued: its memory comes back later, and nobody would have to wait.
        try await eventually { await connection.unsentBytes == 0 }
        let second = Self.takeAll(connection.arena)
        var writer = connection.writer()
        async let done: Void = {
          try await eventually { connection.arena.statistics.waiting > 0 }
          second.drop()
        }()
        try await writer.reserve(100)
        try writer.output.append([7])
        try await writer.flush()
        try await done
      }
    )
  }

  /// A task that waits for memory ends with its connection.
  @Test func waitingForMemoryEndsWithTheConnection() async throws {
    let hoard = Locked<BufferHoard?>(nil)
    let result = try await serveOne(
      .onTheLoop,
      Self.small,
      client: { client in
        _ = try client.receive(exactly: 1)
        try client.reset()
      },
      body: { connection in
        let go = try connection.arena.message([1])
        let all = Self.takeAll(connection.arena)
        try await connection.send(go)
        hoard.change { $0 = all }
        do {
          try await connection.write { try $0.append("never") }
          return nil as SocketError.Kind?
        } catch let error as SocketError {
          all.drop()
          return error.kind
        }
      }
    )
    #expect(result == .system(.connectionReset))
  }

  // MARK: Writers

  @Test(arguments: Place.allCases)
  func aWriterSendsWhenItIsTold(place: Place) async throws {
    try await serveOne(
      place,
      client: { client in
        #expect(try client.receive(exactly: 2) == [1, 2])
        try client.send([1])
        let received = try client.receiveToEnd()
        #expect(received == [3] + Array(repeating: 4, count: 1000))
      },
      body: { connection in
        var writer = connection.writer()
        try writer.output.append([1])
        try writer.output.append([2])
        #expect(await connection.unsentBytes == 0)
        try await writer.flush()
        try await writer.flush()
        try writer.output.append([3])
        try await writer.flush(ifAtLeast: 1000)
        let waiting = writer.output.count
        #expect(waiting == 1)
        let came = try await connection.receive()?.count
        #expect(came == 1)
        try writer.output.append(repeating: 4, count: 1000)
        try await writer.flush(ifAtLeast: 1000)
        let left = writer.output.count
        #expect(left == 0)
        // What is not flushed is dropped.
        try writer.output.append("half of a reply")
      }
    )
  }

  // MARK: Slow peers

  /// Sends until the peer takes nothing for a while.
  private static func fill(_ connection: TCPConnection) async throws -> Int {
    var (sent, refused) = (0, 0)
    while refused < 5 {
      let view = try connection.arena.message(Pattern().bytes(at: sent, count: 65_521))
      if await connection.trySend(view) {
        sent += 65_521
        refused = 0
      } else {
        refused += 1
        try await Task.sleep(for: .milliseconds(20))
      }
    }
    return sent
  }

  @Test(arguments: Place.allCases)
  func aSlowPeerIsNotWaitedFor(place: Place) async throws {
    let filled = Locked(0)
    let whole = try await serveOne(
      place,
      client: { client in
        while filled.value == 0 { _ = try? client.waitForTheEnd(milliseconds: 5) }
        #expect(try client.receive(exactly: filled.value) == Pattern().bytes(count: filled.value))
        let (bytes, end, _) = try client.readToTheEnd()
        // Three were queued before their time was up.
        #expect(bytes == 3 * 5 && end == .endOfStream)
      },
      body: { connection in
        let sent = try await Self.fill(connection)
        #expect(await connection.unsentBytes > ConnectionLimits().highWaterBytes)
        for round in 0..<3 {
          await #expect(throws: SocketError(.timedOut, .send, peer: connection.peer)) {
            let view = try connection.arena.message([1, 2, 3, 4, 5])
            switch round {
            case 0: try await connection.send(view, timeout: .milliseconds(10))
            case 1: try await connection.send(ByteQueue(view), timeout: .milliseconds(10))
            default:
              var writer = connection.writer()
              writer.setDeadline(after: .milliseconds(10))
              writer.output.append(view)
              try await writer.flush()
            }
          }
        }
        filled.change { $0 = sent }
        // When the peer reads, there is room again.
        try await eventually { await connection.unsentBytes < 65_536 }
        return sent
      }
    )
    #expect(whole > 0)
  }
}

/// Buffers that are kept until they are dropped.
private final class BufferHoard: Sendable {
  private let first = Locked<Box?>(nil)

  private final class Box: @unchecked Sendable {
    // Why unchecked: it is constant, and only ever dropped.
    let buffer: PooledBuffer
    let next: Box?

    init(_ buffer: consuming PooledBuffer, _ next: Box?) {
      self.buffer = buffer
      self.next = next
    }
  }

  var isEmpty: Bool { first.withLock { $0 == nil } }

  func keep(_ buffer: consuming PooledBuffer) {
    let next = first.value
    let box = Box(buffer, next)
    first.change { $0 = box }
  }

  func drop() {
    first.change { $0 = nil }
  }
}
