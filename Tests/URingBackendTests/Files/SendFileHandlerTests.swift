import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Sending files from handlers: nothing waits, and everything keeps its order.
@Suite(.timeLimit(.minutes(2)))
struct SendFileHandlerTests {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  private static let size = 2_000_003

  /// Answers each byte with something before, a file with a head, and something behind.
  private struct Around: ConnectionHandler {
    let file: File
    let evict: @Sendable () throws -> Void

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      for byte in view.copied() {
        try evict()
        try connection.send([byte, 1])
        #expect(try connection.send(file) { head in try head.append("head") })
        #expect(try connection.send(file, range: 5..<205))
        #expect(try connection.send(file, range: 7..<7))
        try connection.send([2])
        #expect(try connection.send(file, range: 9..<300_009))
        #expect(connection.unsentBytes > 0)
        try connection.send([3])
      }
    }
  }

  @Test(arguments: [false, true])
  func whatIsSentBeforeAndAfterAFileStaysThere(isCold: Bool) async throws {
    let directory = directory
    try directory.makeFile("a", bytes: Self.size)
    try await withLoop { loop in
      let file = try await loop.open("\(directory.path)/a")
      let running = try await RunningServer.start { server, whenListening in
        try await server.run(whenListening: whenListening) {
          Around(file: file) { if isCold { try directory.evict("a") } }
        }
      }
      let port = running.port
      let file0 = Pattern().bytes(count: Self.size)
      try await blockingThreads(3) { thread in
        let client = try BlockingClient(port: port)
        // Pipelined: more requests wait while a reply is above the high-water mark.
        try client.send([10, 20, 30])
        try client.closeOutput()
        for byte: UInt8 in [10, 20, 30] {
          let reply =
            [byte, 1] + Array("head".utf8) + file0 + Pattern().bytes(at: 5, count: 200) + [2]
            + Pattern().bytes(at: 9, count: 300_000) + [3]
          let received = try client.receive(exactly: reply.count)
          #expect(received == reply)
        }
        #expect(try client.receiveToEnd().isEmpty)
      }
      try await running.stop()
    }
  }

  /// Sends a file as often as there is room for it, and counts.
  private struct Filler: ConnectionHandler {
    let file: File
    let log: Locked<[String]>

    mutating func opened(_ connection: borrowing ConnectionContext) throws {
      let isAbove = connection.isAboveHighWater
      #expect(!isAbove)
      try connection.send(file)
      let isAboveNow = connection.isAboveHighWater
      #expect(isAboveNow)
      #expect(connection.unsentBytes == file.size)
    }

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      log.withLock { $0.append("received") }
    }

    mutating func outputDrained(_ connection: borrowing ConnectionContext) throws {
      let isAbove = connection.isAboveHighWater
      #expect(!isAbove)
      #expect(connection.unsentBytes <= 65_536)
      log.withLock { $0.append("drained") }
      connection.close()
    }

    mutating func closed(_ error: SocketError?) {
      log.withLock { $0.append("closed \(error.map { "\($0.kind)" } ?? "well")") }
    }
  }

  @Test func aLargeFileIsAboveTheHighWaterMarkUntilThePeerHasTakenIt() async throws {
    let directory = directory
    let size = 60 << 20
    try directory.makeSparseFile("large", bytes: size)
    let log = Locked<[String]>([])
    try await withLoop { loop in
      let file = try await loop.open("\(directory.path)/large")
      let running = try await RunningServer.start { server, whenListening in
        try await server.run(whenListening: whenListening) { Filler(file: file, log: log) }
      }
      let client = try BlockingClient(port: running.port, bufferBytes: 65_536)
      try client.send([1])
      let count = try await blocking { () -> Int in
        var count = 0
        while case let bytes = try client.receive(), !bytes.isEmpty { count += bytes.count }
        return count
      }
      #expect(count == size)
      try await running.stop()
      // What the peer sent waited, or came in time; the rest has one order.
      #expect(log.value.filter { $0 != "received" } == ["drained", "closed well"])
    }
  }

  @Test(arguments: [false, true])
  func aFileThatIsCutEndsTheConnectionAndTheHandlerIsTold(isCold: Bool) async throws {
    let directory = directory
    let size = 60 << 20
    try directory.makeSparseFile("large", bytes: size)
    let log = Locked<[String]>([])
    try await withLoop { loop in
      let file = try await loop.open("\(directory.path)/large")
      let running = try await RunningServer.start { server, whenListening in
        try await server.run(whenListening: whenListening) { Filler(file: file, log: log) }
      }
      if isCold { try directory.evict("large") }
      let client = try BlockingClient(port: running.port, bufferBytes: 65_536)
      try await blocking {
        _ = try client.receive(exactly: 100_000)
        try directory.truncate("large", to: 4096)
        #expect(throws: Errno.connectionReset) { while try !client.receive().isEmpty {} }
      }
      try await running.stop()
      #expect(log.value.last == "closed fileEnded")
    }
  }

  /// Refused where the output is over, and where the range is none.
  private struct Refused: ConnectionHandler {
    let file: File

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      #expect(throws: FileError.self) { try connection.send(file, range: 0..<file.size + 1) }
      #expect(connection.unsentBytes == 0)
      connection.closeOutput()
      #expect(try !connection.send(file))
      #expect(try !connection.send(file, range: 0..<10))
      #expect(try !connection.send(file) { head in try head.append("never") })
      #expect(connection.unsentBytes == 0)
    }
  }

  @Test func behindTheEndOfTheOutputAFileIsRefused() async throws {
    let directory = directory
    try directory.makeFile("a", bytes: 200_000)
    try await withLoop { loop in
      let file = try await loop.open("\(directory.path)/a")
      let running = try await RunningServer.start { server, whenListening in
        try await server.run(whenListening: whenListening) { Refused(file: file) }
      }
      let port = running.port
      try await blocking {
        let client = try BlockingClient(port: port)
        try client.send([1])
        #expect(try client.receiveToEnd().isEmpty)
      }
      try await running.stop()
    }
  }

  /// Sends two large files and gives up.
  private struct GivesUp: ConnectionHandler {
    let file: File

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      try connection.send(file)
      try connection.send([1])
      try connection.send(file)
      connection.send(view)
      if connection.unsentBytes > 0 { connection.abort() }
    }
  }

  @Test(arguments: [false, true])
  func whoGivesUpLeavesNothingBehind(isCold: Bool) async throws {
    let directory = directory
    try directory.makeFile("a", bytes: Self.size)
    try await withLoop { loop in
      let file = try await loop.open("\(directory.path)/a")
      let running = try await RunningServer.start { server, whenListening in
        try await server.run(whenListening: whenListening) { GivesUp(file: file) }
      }
      let port = running.port
      for _ in 0..<20 {
        if isCold { try directory.evict("a") }
        try await blocking {
          let client = try BlockingClient(port: port)
          try client.send([1])
          while !client.isEnded() {}
        }
      }
      try await running.settles()
      try await running.stop()
    }
  }
}
