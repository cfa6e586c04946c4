import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

/// Errors of a reader: which one, and that all bytes are still there.
@Suite(.timeLimit(.minutes(3)))
struct ReaderErrorTests {
  @Test(arguments: Delivery.allCases, Place.allCases)
  func whatIsTooLongStaysAndCanBeAnswered(delivery: Delivery, place: Place) async throws {
    let line = Array(repeating: UInt8(ascii: "a"), count: 300)
    try await serveOne(
      place,
      client: { client in
        try delivery.send(line + [10], over: client)
        #expect(try client.receive(exactly: 10) == Array("too long\r\n".utf8))
        #expect(try client.receiveToEnd() == [])
      },
      body: { connection in
        var reader = connection.reader(limit: 200)
        await #expect(throws: ReadError.tooLong(limit: 100)) { _ = try await reader.read(until: "\n", limit: 100) }
        await #expect(throws: ReadError.tooLong(limit: 100)) { _ = try await reader.read(until: [10, 13], limit: 100) }
        await #expect(throws: ReadError.tooLong(limit: 100)) { _ = try await reader.readLine(limit: 100) }
        var decoder = LineDecoder(maximumLength: 150)
        await #expect(throws: FrameError.tooLong(limit: 150)) { _ = try await reader.next(&decoder) }
        // One that names no limit is bound by the reader's.
        var patient = LineDecoder(maximumLength: 5000)
        do {
          let count = try await reader.next(&patient)?.count
          #expect(count == 300)
        } catch ReadError.tooLong(limit: 200) {
          #expect(try await copied(reader.readLine(limit: 300)) == line)
        }
        try await connection.send("too long\r\n")
      }
    )
  }

  @Test(arguments: Delivery.allCases)
  func whoNamesNoLimitIsBoundByTheReaders(delivery: Delivery) async throws {
    try await serveOne(
      client: { client in
        try delivery.send(Array(repeating: 7, count: 300), over: client)
        _ = client.isEnded()
      },
      body: { connection in
        var reader = connection.reader(limit: 200)
        var decoder = LineDecoder(maximumLength: 5000)
        await #expect(throws: ReadError.tooLong(limit: 200)) { _ = try await reader.next(&decoder) }
        await #expect(throws: ReadError.tooLong(limit: 200)) { while true { try await reader.read { _ in } } }
        let bytes = try await reader.read(exactly: 300).bytes()
        #expect(bytes == Array(repeating: 7, count: 300))
      }
    )
  }

  @Test(arguments: Place.allCases)
  func theLimitIsExact(place: Place) async throws {
    try await serveOne(
      place,
      client: { client in
        try client.send(Array("12345\n123456\n12345\r\n123456\r\n".utf8))
        _ = client.isEnded()
      },
      body: { connection in
        var reader = connection.reader()
        _ = try await reader.peek(1)
        #expect(try await copied(reader.read(until: "\n", limit: 5))?.count == 5)
        await #expect(throws: ReadError.tooLong(limit: 5)) { _ = try await reader.read(until: "\n", limit: 5) }
        #expect(try await copied(reader.read(until: "\n", limit: 6))?.count == 6)
        #expect(try await copied(reader.readLine(limit: 5))?.count == 5)
        await #expect(throws: ReadError.tooLong(limit: 5)) { _ = try await reader.readLine(limit: 5) }
        #expect(try await copied(reader.readLine(limit: 6))?.count == 6)
      }
    )
  }

  @Test(arguments: Delivery.allCases, Place.allCases)
  func theEndInTheMiddleSaysWhatIsMissing(delivery: Delivery, place: Place) async throws {
    try await serveOne(
      place,
      client: { client in
        try delivery.send([1, 2, 3, 4, 5], over: client)
        try client.closeOutput()
        _ = client.isEnded()
      },
      body: { connection in
        var reader = connection.reader()
        await #expect(throws: ReadError.endedInTheMiddle(leftover: 5, missing: 3)) {
          _ = try await reader.read(exactly: 8)
        }
        await #expect(throws: ReadError.endedInTheMiddle(leftover: 5, missing: nil)) {
          _ = try await reader.read(until: "\n")
        }
        await #expect(throws: ReadError.endedInTheMiddle(leftover: 5, missing: nil)) { _ = try await reader.readLine() }
        var decoder = LineDecoder()
        await #expect(throws: FrameError.endedInTheMiddle(leftover: 5)) { _ = try await reader.next(&decoder) }
        #expect(try await !reader.peek(6))
        #expect(try await copied(reader.read(exactly: 1)) == [1])
        var buffer = try await connection.allocate(minimumCapacity: 8)
        await #expect(throws: ReadError.endedInTheMiddle(leftover: 4, missing: 4)) {
          try await reader.read(8, into: &buffer)
        }
        let landed = try buffer.readView().copied()
        #expect(landed == [2, 3, 4, 5])
        await #expect(throws: ReadError.endedInTheMiddle(leftover: 0, missing: 2)) { try await reader.skip(2) }
        await #expect(throws: ReadError.endedInTheMiddle(leftover: 0, missing: 1)) {
          _ = try await reader.read(exactly: 1)
        }
        #expect(try await copied(reader.read(upTo: 9)) == nil)
      }
    )
  }

  @Test(arguments: Place.allCases)
  func whatCameBeforeAResetIsStillThere(place: Place) async throws {
    try await serveOne(
      place,
      client: { client in
        try client.send([1, 2, 3])
        #expect(try client.receive(exactly: 1) == [0])
        try client.reset()
      },
      body: { connection in
        var reader = connection.reader()
        #expect(try await reader.peek(3))
        try await connection.send([0])
        do throws(ReadError) {
          _ = try await reader.read(exactly: 4)
          Issue.record("four bytes of three")
        } catch {
          #expect(error.socketError?.errno == .connectionReset)
        }
        let left = reader.bytes.bytes()
        #expect(left == [1, 2, 3])
        #expect(try await copied(reader.read(exactly: 3))?.count == 3)
      }
    )
  }

  @Test func aBufferThatIsLockedTakesNothing() async throws {
    try await serveOne(
      client: { client in
        try client.send([1, 2, 3])
        _ = client.isEnded()
      },
      body: { connection in
        var reader = connection.reader()
        #expect(try await reader.peek(3))
        var buffer = try await connection.allocate(minimumCapacity: 8)
        let view = try buffer.readView()
        do {
          try await reader.read(2, into: &buffer)
          Issue.record("written to a locked buffer")
        } catch ReadError.buffer(.locked) {
          let left = reader.bytes.count
          #expect(left == 3)
        }
        view.release()
        try await reader.read(2, into: &buffer)
        let counts = (buffer.count, reader.bytes.count)
        #expect(counts == (2, 1))
      }
    )
  }

  /// What readers say of their own connection is no error of the program's.
  @Test func peersThatGoInTheMiddleAreNobodysError() async throws {
    let errors = Locked<[String]>([])
    var configuration = TCPServer.Configuration()
    configuration.onError = { error, _ in errors.change { $0.append("\(error)") } }
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        var reader = connection.reader()
        _ = try await reader.readLine(limit: 100)
      }
    }
    let port = running.port
    try await blocking {
      let middle = try BlockingClient(port: port)
      try middle.send([1, 2])
      try middle.closeOutput()
      _ = try middle.end()
      let broken = try BlockingClient(port: port)
      try broken.send([1, 2])
      while running.server.statistics.bytesReceived < 4 {}
      try broken.reset()
    }
    try await running.settles()
    #expect(errors.value == [])
    let port2 = running.port
    try await blocking {
      // This one may be the program's affair.
      let long = try BlockingClient(port: port2)
      try long.send(Array(repeating: 1, count: 200))
      _ = try long.end()
    }
    try await running.settles()
    #expect(errors.value.count == 1)
    try await running.stop()
  }

  @Test func errorsReadWell() {
    #expect("\(ReadError.tooLong(limit: 5))" == "the peer sent more than the 5 bytes that are allowed here")
    #expect(
      "\(ReadError.endedInTheMiddle(leftover: 5, missing: 3))"
        == "the peer ended its stream in the middle: 5 bytes are there, 3 are missing"
    )
    #expect(
      "\(ReadError.endedInTheMiddle(leftover: 5, missing: nil))"
        == "the peer ended its stream in the middle: 5 bytes are there"
    )
    #expect("\(ReadError.connection(SocketError(.timedOut, .receive)))" == "receive: timed out")
  }
}
