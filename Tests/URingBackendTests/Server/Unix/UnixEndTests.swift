import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How connections over Unix sockets end: there are no resets on the wire, and no acknowledgements.
@Suite(.timeLimit(.minutes(3)))
struct UnixEndTests {
  private static let reply = Pattern(seed: 8).bytes(count: 2 << 20)

  /// What a server saw of its one connection.
  private struct Seen: Sendable {
    var bytes = 0
    var inputEnded = false
    var closed: [SocketError?] = []
  }

  /// Sends the reply when a byte 1 asks for it; closes behind it when 2 does, and aborts behind it when 3 does.
  private struct Replier: ConnectionHandler {
    let seen: Locked<Seen>

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      let bytes = view.copied()
      seen.change { $0.bytes += bytes.count }
      for byte in bytes where byte > 0 {
        connection.send(try connection.arena.message(UnixEndTests.reply))
        if byte == 2 { connection.close() }
        if byte == 3 { connection.abort() }
      }
    }

    mutating func inputEnded(_ connection: borrowing ConnectionContext) throws {
      seen.change { $0.inputEnded = true }
      connection.close()
    }

    mutating func closed(_ error: SocketError?) { seen.change { $0.closed.append(error) } }
  }

  private static func start(
    _ mode: ServerMode,
    _ directory: TemporaryDirectory,
    _ configuration: TCPServer.Configuration = .init(),
    _ seen: Locked<Seen> = Locked(Seen())
  ) async throws -> (running: RunningServer, name: String) {
    var configuration = configuration
    configuration.limits.highWaterBytes = 4 << 20
    let name = "\(directory.path)/s"
    let running = try await RunningServer.start(configuration, at: try .unix(path: name)) { server, whenListening in
      switch mode {
      case .handlers: try await server.run(whenListening: whenListening) { Replier(seen: seen) }
      case .tasks:
        try await server.run(whenListening: whenListening) { connection in
          do {
            while let view = try await connection.receive() {
              let bytes = view.copied()
              seen.change { $0.bytes += bytes.count }
              for byte in bytes where byte > 0 {
                try await connection.send(try connection.arena.message(UnixEndTests.reply))
                if byte == 2 { return }
                if byte == 3 { return await connection.abort() }
              }
            }
            seen.change {
              $0.inputEnded = true
              $0.closed.append(nil)
            }
          } catch let error as SocketError {
            seen.change { $0.closed.append(error) }
          }
        }
      }
    }
    return (running, name)
  }

  // MARK: Progress

  /// Some 0.8 MB/s, which a reader that is not on time may fall short of.
  private static func readSlowly(_ client: BlockingClient, upTo most: Int = .max) throws -> [UInt8] {
    var result: [UInt8] = []
    while result.count < most {
      let bytes = try client.receive(4096)
      if bytes.isEmpty { break }
      result += bytes
      usleep(5000)
    }
    return result
  }

  /// Both while there is more for the socket's queue, and while the rest of it empties.
  @Test(arguments: ServerMode.allCases)
  func aReaderThatIsSlowIsNotIdle(mode: ServerMode) async throws {
    let directory = try TemporaryDirectory()
    var configuration = TCPServer.Configuration()
    configuration.limits.idleTimeout = .milliseconds(1500)
    let (running, name) = try await Self.start(mode, directory, configuration)
    try await blocking {
      let client = try BlockingClient(unix: name, guardSeconds: 20)
      try client.send([1])
      #expect(try Self.readSlowly(client, upTo: Self.reply.count) == Self.reply)
      #expect(running.server.statistics.connectionsGivenUp == 0)
      // Now it is idle, and owes nothing.
      #expect(try client.end() == .endOfStream)
    }
    try await running.settles()
    #expect(try await running.stop().totals.connectionsGivenUp == 1)
  }

  @Test(arguments: ServerMode.allCases)
  func aReaderThatStopsIsIdle(mode: ServerMode) async throws {
    let directory = try TemporaryDirectory()
    var configuration = TCPServer.Configuration()
    configuration.limits.idleTimeout = .seconds(1)
    let (running, name) = try await Self.start(mode, directory, configuration)
    try await blocking {
      let client = try BlockingClient(unix: name, guardSeconds: 20)
      try client.send([1])
      _ = try client.receive(exactly: 100_000)
      while running.server.statistics.connectionsOpen > 0 { usleep(1000) }
      // What is in its queue stays there; then the stream seems to end: a Unix socket cannot say that it was cut.
      let rest = try client.receiveToEnd()
      #expect(100_000 + rest.count < Self.reply.count)
      #expect(rest == Array(Self.reply[100_000..<100_000 + rest.count]))
    }
    try await running.settles()
    #expect(try await running.stop().totals.connectionsGivenUp == 1)
  }

  @Test(arguments: ServerMode.allCases)
  func afterTheCloseASlowReaderGetsEverything(mode: ServerMode) async throws {
    let directory = try TemporaryDirectory()
    var configuration = TCPServer.Configuration()
    configuration.limits.flushTimeout = .milliseconds(1500)
    configuration.limits.lingerTimeout = .milliseconds(100)
    let (running, name) = try await Self.start(mode, directory, configuration)
    try await blocking {
      let client = try BlockingClient(unix: name, guardSeconds: 20)
      try client.send([2])
      #expect(try Self.readSlowly(client) == Self.reply)
    }
    try await running.settles()
    #expect(try await running.stop().totals.connectionsGivenUp == 0)
  }

  @Test(arguments: ServerMode.allCases)
  func afterTheCloseAReaderThatStopsIsGivenUp(mode: ServerMode) async throws {
    let directory = try TemporaryDirectory()
    var configuration = TCPServer.Configuration()
    configuration.limits.flushTimeout = .milliseconds(100)
    let (running, name) = try await Self.start(mode, directory, configuration)
    let client = try BlockingClient(unix: name, guardSeconds: 20)
    try client.send([2])
    #expect(try await comesTrue { running.server.statistics.connectionsOpened == 1 })
    try await running.settles()
    #expect(try await running.stop().totals.connectionsGivenUp == 1)
    client.close()
  }

  // MARK: Cut streams

  /// An abort drops what is queued. The peer sees less than was promised, and an end.
  @Test(arguments: ServerMode.allCases)
  func anAbortLooksLikeAnEnd(mode: ServerMode) async throws {
    let directory = try TemporaryDirectory()
    let (running, name) = try await Self.start(mode, directory)
    try await blocking {
      let client = try BlockingClient(unix: name)
      try client.send([3])
      let (bytes, end, isIntact) = try client.readToTheEnd(of: Pattern(seed: 8))
      #expect(bytes < Self.reply.count && end == .endOfStream && isIntact)
    }
    try await running.stop()
  }

  /// A graceful close discards what the peer still sends, so that it does not look like a reset.
  @Test(arguments: ServerMode.allCases)
  func bytesBehindAGracefulCloseAreNoReset(mode: ServerMode) async throws {
    let directory = try TemporaryDirectory()
    var configuration = TCPServer.Configuration()
    configuration.limits.flushTimeout = .seconds(600)
    configuration.limits.lingerTimeout = .seconds(600)
    let (running, name) = try await Self.start(mode, directory, configuration)
    let client = try BlockingClient(unix: name)
    try client.send([2])
    async let sent: Void = blocking {
      // Zeros ask for nothing.
      for _ in 0..<100 { try client.send([UInt8](repeating: 0, count: 1000)) }
      try client.closeOutput()
    }
    let got = try await blocking { try client.readToTheEnd(of: Pattern(seed: 8)) }
    try await sent
    #expect(got.bytes == Self.reply.count && got.end == .endOfStream && got.isIntact)
    try await running.stop()
  }

  /// A peer that closes with bytes unread is a reset: unix(7).
  @Test(arguments: ServerMode.allCases)
  func aPeerThatLeavesBytesUnreadIsAReset(mode: ServerMode) async throws {
    let directory = try TemporaryDirectory()
    let seen = Locked(Seen())
    let (running, name) = try await Self.start(mode, directory, .init(), seen)
    try await blocking {
      let client = try BlockingClient(unix: name)
      try client.send([1, 0, 0])
      // Some of the reply is there, and more than a socket holds is not.
      _ = try client.receive(exactly: 10)
      client.close()
    }
    try await running.settles()
    try await running.stop()
    #expect(seen.value.bytes == 3)
    let error = try #require(seen.value.closed.first ?? nil)
    #expect(error.errno == .connectionReset || error.errno == .brokenPipe, "\(error)")
    #expect(!seen.value.inputEnded)
  }

  /// One that has read everything and closes has ended its stream.
  @Test(arguments: ServerMode.allCases)
  func aPeerThatClosesIsAnEnd(mode: ServerMode) async throws {
    let directory = try TemporaryDirectory()
    let seen = Locked(Seen())
    let (running, name) = try await Self.start(mode, directory, .init(), seen)
    try await blocking {
      let client = try BlockingClient(unix: name)
      try client.send([1])
      #expect(try client.receive(exactly: Self.reply.count) == Self.reply)
      client.close()
    }
    try await running.settles()
    try await running.stop()
    #expect(seen.value.inputEnded && seen.value.closed == [nil])
  }

  /// Many of all kinds at once, over several loops; nothing is left.
  @Test(arguments: ServerMode.allCases)
  func endsOfAllKindsLeaveNothingBehind(mode: ServerMode) async throws {
    let directory = try TemporaryDirectory()
    var configuration = TCPServer.Configuration()
    configuration.loops = 2
    configuration.limits.lingerTimeout = .milliseconds(50)
    let (running, name) = try await Self.start(mode, directory, configuration)
    try await blockingThreads(4) { thread in
      for round in 0..<TestRun.amount(25, short: 8, long: 400) {
        let client = try BlockingClient(unix: name)
        switch (round + thread) % 5 {
        case 0: break
        case 1: try client.send([UInt8](repeating: 0, count: 5000))
        case 2:
          try client.send([1])
          _ = try client.receive(1000)
        case 3:
          try client.send([2])
          #expect(try client.readToTheEnd(of: Pattern(seed: 8)).bytes == Self.reply.count)
        default:
          try client.closeOutput()
          #expect(try client.end() == .endOfStream)
        }
        client.close()
      }
    }
    try await running.settles()
    try await running.stop()
    #expect(directory.entries.isEmpty)
  }

  /// In a process of its own, where all descriptors are the test's.
  @Test func noDescriptorIsLeftBehind() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let name = "\(directory.path)/s"
      try await RunningServer.echo(.tasks).stop()
      let before = try await OpenDescriptors.settledCount()
      for loops in [1, 3] {
        var configuration = TCPServer.Configuration()
        configuration.loops = loops
        let running = try await RunningServer.echo(.handlers, configuration, at: try .unix(path: name))
        try await blocking {
          let clients = try (0..<50).map { _ in try BlockingClient(unix: name) }
          for client in clients { try #require(try client.echo([1]) == [1]) }
        }
        try await running.stop()
        // One that fails half way.
        try await RunningServer.echo(.handlers, at: try .unix(path: name)).stop()
        try PlainUnixListener.leaveBehind(name)
      }
      try await eventually { OpenDescriptors.count() <= before }
    }
  }
}
