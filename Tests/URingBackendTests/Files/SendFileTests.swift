import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Sending files from tasks: every byte, in order, whatever the peer does.
@Suite(.timeLimit(.minutes(2)))
struct SendFileTests {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  private static let size = 3_000_001

  @Test(arguments: Place.allCases, [false, true])
  func everyByteOfEachRangeArrivesInItsPlace(place: Place, isCold: Bool) async throws {
    let size = Self.size
    let path = try directory.makeFile("a", bytes: size)
    let small = try directory.makeFile("b", bytes: 1000, seed: 5)
    let ranges = [0..<0, 0..<1, 5..<32_773, 5..<32_774, size - 100_000..<size, size..<size, 0..<size]
    let directory = directory
    try await serveOne(
      place,
      client: { (client) throws in
        for range in ranges {
          #expect(
            try client.receive(exactly: range.count) == Pattern().bytes(at: range.lowerBound, count: range.count),
            "\(range)"
          )
        }
        #expect(try client.receive(exactly: 3) == [1, 2, 3])
        #expect(try client.receive(exactly: size) == Pattern().bytes(count: size))
        #expect(try client.receiveToEnd() == [4] + Pattern(seed: 5).bytes(count: 1000) + [5])
      },
      body: { connection in
        let file = try await connection.loop.open(path)
        for range in ranges {
          if isCold { try directory.evict("a") }
          try await connection.send(file, range: range)
        }
        try await connection.send([1, 2, 3])
        try await connection.send(file)
        if isCold { try directory.evict("b") }
        try await connection.send(try await connection.loop.open(small)) { head in try head.append([4]) }
        try await connection.send([5])
      }
    )
  }

  @Test func aRangeThatIsNotThereSendsNothing() async throws {
    let path = try directory.makeFile("a", bytes: 10)
    try await serveOne(
      client: { (client) throws in #expect(try client.receiveToEnd() == [9]) },
      body: { connection in
        let file = try await connection.loop.open(path)
        for range in [0..<11, -1..<2, 11..<11] {
          let error = await #expect(throws: FileSendError.self) { try await connection.send(file, range: range) }
          #expect(error?.fileError?.kind == .outOfRange(size: 10) && error?.sent == 0)
          await #expect(throws: FileSendError.self) {
            try await connection.send(file, range: range) { head in try head.append("never") }
          }
        }
        struct Refusal: Error {}
        await #expect(throws: Refusal.self) {
          try await connection.send(file) { head in
            try head.append("never")
            throw Refusal()
          }
        }
        try await connection.send([9])
      }
    )
  }

  @Test func whatOthersSendMeanwhileComesBehindTheFile() async throws {
    let size = Self.size
    let path = try directory.makeFile("a", bytes: size)
    let (sent, report) = AsyncStream<Void>.makeStream()
    try await serveOne(
      client: { (client) throws in
        // The file waits for the peer, and everything else for the file.
        var received = try client.receive(exactly: 4)
        usleep(100_000)
        received += try client.receiveToEnd()
        #expect(
          received == Array("head".utf8) + Pattern().bytes(count: size) + [1] + Pattern().bytes(at: 7, count: 40_000)
            + [2, 3]
        )
      },
      body: { connection in
        let file = try await connection.loop.open(path)
        async let first: Void = {
          try await connection.send(file) { head in
            try head.append("head")
            report.finish()
          }
        }()
        for await _ in sent {}
        // Queued one after the other, while the file stands before them.
        try await connection.send([1])
        async let second: Void = connection.send(file, range: 7..<40_007)
        while await connection.unsentBytes == 0 { await Task.yield() }
        try await first
        try await second
        try await connection.send([2, 3])
      }
    )
  }

  @Test(arguments: [false, true])
  func aPeerThatDoesNotReadHoldsNoMemory(isCold: Bool) async throws {
    let size = 60 << 20
    let path = try directory.makeSparseFile("large", bytes: size)
    let directory = directory
    let reads = Locked(false)
    let (sending, report) = AsyncStream<TCPConnection>.makeStream()
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        let file = try await connection.loop.open(path)
        if isCold { try directory.evict("large") }
        report.yield(connection)
        try await connection.send(file)
      }
    }
    let port = running.port
    async let received = blocking { () -> Int in
      let client = try BlockingClient(port: port, bufferBytes: 65_536)
      while !reads.value { usleep(1000) }
      var count = 0
      while case let bytes = try client.receive(), !bytes.isEmpty { count += bytes.count }
      return count
    }
    for await connection in sending {
      // It has filled the socket, and waits.
      var last = -1
      while case let unsent = await connection.unsentBytes, unsent != last {
        last = unsent
        try await Task.sleep(for: .milliseconds(50))
      }
      #expect(last > 0)
      // One slot that is being sent from, and no second one: or none, out of the page cache.
      #expect(connection.arena.statistics.slotsOut <= 1)
      report.finish()
    }
    reads.withLock { $0 = true }
    #expect(try await received == size)
    try await running.stop()
  }

  @Test(arguments: [false, true])
  func aPeerThatResetsInTheMiddleEndsTheSend(isCold: Bool) async throws {
    let size = 60 << 20
    let path = try directory.makeSparseFile("large", bytes: size)
    let directory = directory
    await #expect(throws: FileSendError.self) {
      try await serveOne(
        client: { (client) throws in
          _ = try client.receive(exactly: 100_000)
          try client.reset()
        },
        body: { connection in
          let file = try await connection.loop.open(path)
          if isCold { try directory.evict("large") }
          do {
            try await connection.send(file)
          } catch let error as FileSendError {
            #expect(error.socketError?.errno == .connectionReset || error.socketError?.errno == .brokenPipe)
            #expect(error.sent >= 100_000 && error.sent < size)
            throw error
          }
        }
      )
    }
  }

  @Test(arguments: [false, true])
  func aFileThatIsCutInTheMiddleIsAnErrorAndThePeerCanTell(isCold: Bool) async throws {
    let size = 60 << 20
    let path = try directory.makeSparseFile("large", bytes: size)
    let directory = directory
    await #expect(throws: FileSendError.self) {
      try await serveOne(
        client: { (client) throws in
          _ = try client.receive(exactly: 100_000)
          try directory.truncate("large", to: 4096)
          // Where the body throws, the connection is reset.
          #expect(throws: Errno.connectionReset) {
            while try !client.receive().isEmpty {}
          }
        },
        body: { connection in
          let file = try await connection.loop.open(path)
          if isCold { try directory.evict("large") }
          do {
            try await connection.send(file)
          } catch let error as FileSendError {
            #expect(error.fileError?.kind == .ended)
            #expect(error.sent >= 100_000 && error.sent < size)
            // `serveOne` hides errors from the server.
            await connection.abort()
            throw error
          }
        }
      )
    }
  }

  @Test func afterAFileThatCameUpShortTheConnectionIsTheCallers() async throws {
    let path = try directory.makeFile("a", bytes: 100_000)
    let directory = directory
    try await serveOne(
      client: { (client) throws in
        #expect(try client.receiveToEnd() == Array("head".utf8) + Pattern().bytes(count: 50_000) + [1])
      },
      body: { connection in
        let file = try await connection.loop.open(path)
        try directory.truncate("a", to: 50_000)
        let error = await #expect(throws: FileSendError.self) {
          try await connection.send(file) { head in try head.append("head") }
        }
        #expect(error?.fileError?.kind == .ended && error?.sent == 50_000)
        try await connection.send([1])
      }
    )
  }

  @Test(arguments: Place.allCases, [false, true])
  func aTaskThatIsCancelledInTheMiddleStops(place: Place, isCold: Bool) async throws {
    let size = 60 << 20
    let path = try directory.makeSparseFile("large", bytes: size)
    let directory = directory
    let isCancelled = Locked(false)
    let sent = try await serveOne(
      place,
      client: { (client) throws in
        while !isCancelled.value { usleep(1000) }
        // What the body sends next follows.
        var count = 0
        var last: [UInt8] = []
        while case let bytes = try client.receive(), !bytes.isEmpty {
          count += bytes.count
          last = bytes
        }
        #expect(last.last == 7)
        #expect(count < size)
      },
      body: { connection in
        let file = try await connection.loop.open(path)
        if isCold { try directory.evict("large") }
        let task = Task { try await connection.send(file) }
        while await connection.unsentBytes == 0 { await Task.yield() }
        task.cancel()
        let error = await #expect(throws: FileSendError.self) { try await task.value }
        #expect(error?.fileError?.kind == .cancelled)
        isCancelled.withLock { $0 = true }
        // Nothing is left of it.
        while await connection.unsentBytes > 0 { await Task.yield() }
        try await connection.send([7])
        return error?.sent ?? -1
      }
    )
    #expect(sent >= 0 && sent < size)
  }

  @Test func cancelledBeforeItBeganItSendsNothing() async throws {
    let path = try directory.makeFile("a", bytes: 100_000)
    try await serveOne(
      client: { (client) throws in #expect(try client.receiveToEnd() == [7]) },
      body: { connection in
        let file = try await connection.loop.open(path)
        let task = Task {
          while !Task.isCancelled { await Task.yield() }
          try await connection.send(file)
        }
        task.cancel()
        let error = await #expect(throws: FileSendError.self) { try await task.value }
        #expect(error?.isCancellation == true && error?.sent == 0)
        try await connection.send([7])
      }
    )
  }

  @Test(arguments: [false, true])
  func theLoopMayEndInTheMiddle(isCold: Bool) async throws {
    let size = 60 << 20
    let path = try directory.makeSparseFile("large", bytes: size)
    let directory = directory
    var configuration = TCPServer.Configuration()
    configuration.drainTimeout = .milliseconds(50)
    let (errors, report) = AsyncStream<FileSendError>.makeStream()
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        let file = try await connection.loop.open(path)
        if isCold { try directory.evict("large") }
        do throws(FileSendError) {
          try await connection.send(file)
        } catch {
          report.yield(error)
        }
      }
    }
    let client = try BlockingClient(port: running.port, bufferBytes: 65_536)
    _ = try client.receive(exactly: 1000)
    try await running.stop()
    for await error in errors {
      #expect(error.socketError != nil || error.isCancellation)
      break
    }
  }

  @Test(arguments: [false, true])
  func manyTransfersShareASmallPool(isCold: Bool) async throws {
    let size = 400_000
    let files = 8
    for index in 0..<files { try directory.makeFile("f\(index)", bytes: size, seed: index) }
    let root = directory.path
    let directory = directory
    var configuration = TCPServer.Configuration()
    configuration.loop.poolBytes = 1 << 20
    // Room for one slot that is read into.
    configuration.loop.bufferBytes = 128 << 10
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        while let name = try await connection.receive() {
          let index = Int(name.copied()[0])
          if isCold { try directory.evict("f\(index)") }
          let file = try await connection.loop.open("\(root)/f\(index)")
          try await connection.send(file) { head in try head.append("head") }
        }
      }
    }
    let port = running.port
    try await blockingThreads(24) { thread in
      let client = try BlockingClient(port: port)
      for round in 0..<3 {
        let index = (thread + round) % files
        try client.send([UInt8(index)])
        #expect(try client.receive(exactly: 4) == Array("head".utf8))
        #expect(try client.receive(exactly: size) == Pattern(seed: index).bytes(count: size))
      }
    }
    try await running.stop()
  }

  @Test func overAUnixSocketToo() async throws {
    let size = Self.size
    let path = try directory.makeFile("a", bytes: size)
    let running = try await RunningServer.start(at: try .unix(path: "\(directory.path)/s")) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        try await connection.send(try await connection.loop.open(path)) { head in try head.append([1]) }
        try await connection.send([2])
      }
    }
    let client = try BlockingClient(unix: "\(directory.path)/s")
    #expect(try client.receiveToEnd() == [1] + Pattern().bytes(count: size) + [2])
    try await running.stop()
  }
}
