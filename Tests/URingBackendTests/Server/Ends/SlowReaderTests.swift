import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Deadlines are times without progress, and progress is what the peer acknowledges. FAULTS B5, B6, B7.
@Suite(.timeLimit(.minutes(3)))
struct SlowReaderTests {
  static let reply = Pattern(seed: 8).bytes(count: 2 << 20)

  enum Place: CaseIterable {
    /// Most of the reply stays in one send that the kernel holds.
    case oneSend
    /// All of it is in the kernel's own queue, soon.
    case kernelQueue
  }

  private static func configuration(_ place: Place) -> TCPServer.Configuration {
    var configuration = TCPServer.Configuration()
    configuration.options.sendBufferBytes = place == .oneSend ? 16_384 : 4 << 20
    configuration.limits.highWaterBytes = 4 << 20
    return configuration
  }

  /// Sends the reply when a byte asks for it; closes then, if it is to.
  private struct Replier: ConnectionHandler {
    let closes: Bool
    let gone: Locked<[SocketError?]>

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      guard view.copied().contains(1) else { return }
      connection.send(try connection.arena.message(SlowReaderTests.reply))
      if closes { connection.close() }
    }

    mutating func closed(_ error: SocketError?) { gone.change { $0.append(error) } }
  }

  private static func start(
    _ mode: ServerMode,
    _ configuration: TCPServer.Configuration,
    closes: Bool,
    _ gone: Locked<[SocketError?]> = Locked([])
  ) async throws -> RunningServer {
    try await RunningServer.start(configuration) { server, whenListening in
      switch mode {
      case .handlers:
        try await server.run(whenListening: whenListening) { Replier(closes: closes, gone: gone) }
      case .tasks:
        try await server.run(whenListening: whenListening) { connection in
          while let view = try await connection.receive() {
            guard view.copied().contains(1) else { continue }
            try await connection.send(try connection.arena.message(SlowReaderTests.reply))
            if closes { return }
          }
        }
      }
    }
  }

  /// Some 1.6 MB/s, which a reader that is not on time may fall short of.
  private static func readSlowly(
    _ client: BlockingClient,
    upTo most: Int = .max,
    whenAt mark: Int = .max,
    _ body: () throws -> Void = {}
  ) throws -> [UInt8] {
    var result: [UInt8] = []
    var isMarked = false
    while result.count < most {
      let bytes = try client.receive(8192)
      if bytes.isEmpty { break }
      result += bytes
      if result.count >= mark, !isMarked {
        isMarked = true
        try body()
      }
      usleep(5000)
    }
    return result
  }

  @Test(arguments: ServerMode.allCases, Place.allCases)
  func aReaderThatIsSlowIsNotIdle(mode: ServerMode, place: Place) async throws {
    var configuration = SlowReaderTests.configuration(place)
    configuration.limits.idleTimeout = .milliseconds(500)
    let running = try await SlowReaderTests.start(mode, configuration, closes: false)
    try await blocking {
      let client = try BlockingClient(port: running.port, bufferBytes: 8192, guardSeconds: 20)
      try client.send([1])
      let count = SlowReaderTests.reply.count
      #expect(try SlowReaderTests.readSlowly(client, upTo: count) == SlowReaderTests.reply)
      #expect(running.server.statistics.connectionsGivenUp == 0)
      // Now it is idle, and owes nothing.
      #expect(try client.end() == .endOfStream)
    }
    try await running.settles()
    let summary = try await running.stop()
    #expect(summary.totals.connectionsGivenUp == 1)
  }

  /// One that stops reading in the middle is idle all the same.
  @Test(arguments: ServerMode.allCases, Place.allCases)
  func aReaderThatStopsIsIdle(mode: ServerMode, place: Place) async throws {
    var configuration = SlowReaderTests.configuration(place)
    configuration.limits.idleTimeout = .seconds(1)
    let running = try await SlowReaderTests.start(mode, configuration, closes: false)
    try await blocking {
      let client = try BlockingClient(port: running.port, bufferBytes: 8192, guardSeconds: 20)
      try client.send([1])
      _ = try client.receive(exactly: 100_000)
      // What is in the kernel's own queue is not dropped: it still goes out, and then the end of the stream.
      if place == .oneSend { #expect(try client.waitForTheEnd(seconds: 20) == .reset) }
      while running.server.statistics.connectionsOpen > 0 { usleep(1000) }
      client.close()
    }
    try await running.settles()
    let summary = try await running.stop()
    #expect(summary.totals.connectionsGivenUp == 1)
  }

  @Test(arguments: ServerMode.allCases, Place.allCases)
  func afterTheCloseASlowReaderGetsEverything(mode: ServerMode, place: Place) async throws {
    var configuration = SlowReaderTests.configuration(place)
    configuration.limits.flushTimeout = .milliseconds(400)
    configuration.limits.lingerTimeout = .milliseconds(100)
    let running = try await SlowReaderTests.start(mode, configuration, closes: true)
    try await blocking {
      let client = try BlockingClient(port: running.port, bufferBytes: 8192, guardSeconds: 20)
      try client.send([1])
      // A byte that nobody takes, long after the close: the connection must not have been closed before.
      let received = try SlowReaderTests.readSlowly(client, whenAt: 1 << 20) { try client.send([2]) }
      #expect(received == SlowReaderTests.reply)
    }
    try await running.settles()
    let summary = try await running.stop()
    #expect(summary.totals.connectionsGivenUp == 0)
  }

  @Test(arguments: ServerMode.allCases)
  func afterTheCloseAReaderThatStopsIsReset(mode: ServerMode) async throws {
    var configuration = SlowReaderTests.configuration(.oneSend)
    configuration.limits.flushTimeout = .milliseconds(100)
    let gone = Locked<[SocketError?]>([])
    let running = try await SlowReaderTests.start(mode, configuration, closes: true, gone)
    try await blocking {
      let client = try BlockingClient(port: running.port, bufferBytes: 8192, guardSeconds: 20)
      try client.send([1])
      _ = try client.receive(exactly: 100_000)
      #expect(try client.waitForTheEnd(seconds: 20) == .reset)
    }
    try await running.settles()
    let summary = try await running.stop()
    #expect(summary.totals.connectionsGivenUp == 1)
    if mode == .handlers { #expect(gone.value.map { $0?.kind } == [.timedOut]) }
  }

  /// What the peer sends meanwhile is no progress of what is queued for it.
  @Test(arguments: ServerMode.allCases)
  func afterTheCloseAReaderThatStopsAndTalksOnIsReset(mode: ServerMode) async throws {
    var configuration = SlowReaderTests.configuration(.oneSend)
    configuration.limits.flushTimeout = .milliseconds(200)
    let running = try await SlowReaderTests.start(mode, configuration, closes: true)
    try await blocking {
      let client = try BlockingClient(port: running.port, bufferBytes: 8192, guardSeconds: 20)
      try client.send([1])
      _ = try client.receive(exactly: 100_000)
      // For 25 times as long as it may.
      var end: PeerEnd?
      for _ in 0..<500 where end == nil {
        do {
          try client.send([3])
          end = try? client.waitForTheEnd(milliseconds: 10)
        } catch Errno.connectionReset {
          // Who sends takes the error, and would see no more than an end then.
          end = .reset
        }
      }
      #expect(end == .reset)
    }
    try await running.settles()
    try await running.stop()
  }

  /// Everything is acknowledged, and the peer never ends its side: its time is bounded.
  @Test(arguments: ServerMode.allCases)
  func aPeerThatNeverEndsItsSideIsNotWaitedForLong(mode: ServerMode) async throws {
    var configuration = SlowReaderTests.configuration(.kernelQueue)
    configuration.limits.lingerTimeout = .milliseconds(50)
    let running = try await SlowReaderTests.start(mode, configuration, closes: true)
    let client = try BlockingClient(port: running.port, guardSeconds: 20)
    try await blocking {
      try client.send([1])
      #expect(try client.receiveToEnd() == SlowReaderTests.reply)
    }
    try await running.settles()
    client.close()
    try await running.stop()
  }
}
