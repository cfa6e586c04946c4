import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Whoever drops bytes resets, so that a peer can tell a cut stream from a whole one; whoever drops none does not.
/// FAULTS B4, RFC 9293 3.10.5.
@Suite(.timeLimit(.minutes(3)))
struct CutStreamTests {
  struct Deliberate: Error {}

  /// What ends the connection while bytes are queued for a peer that does not read.
  enum Cause: UInt8, CaseIterable {
    case abort = 1
    case failure
    case idle
    case drainDeadline
    case serverAbort
    case loopShutdown
    case flushDeadline

    /// How the peer sees the end when nothing was queued.
    var endWithNothingQueued: PeerEnd {
      switch self {
      // The stream was not complete: the server says so.
      case .abort, .failure: .reset
      case .idle, .drainDeadline, .serverAbort, .loopShutdown, .flushDeadline: .endOfStream
      }
    }

    var configuration: TCPServer.Configuration {
      var configuration = TCPServer.Configuration()
      // Little of what is queued fits the kernel's own buffers.
      configuration.options.sendBufferBytes = 8192
      // … and all of it may be queued without a wait, so that the next byte is heard.
      configuration.limits.highWaterBytes = 2 << 20
      if self == .idle { configuration.limits.idleTimeout = .seconds(1) }
      if self == .drainDeadline { configuration.drainTimeout = .milliseconds(50) }
      if self == .flushDeadline { configuration.limits.flushTimeout = .milliseconds(500) }
      return configuration
    }
  }

  static let reply = Pattern(seed: 4).bytes(count: 1 << 20)

  /// Queues the reply when a byte tells it to, and ends in one of the ways when the next one comes.
  private struct Ender: ConnectionHandler {
    let cause: Cause

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      for byte in view.copied() {
        if byte == 1 {
          connection.send(try connection.arena.message(CutStreamTests.reply))
        } else if byte == 2 {
          switch cause {
          case .abort: connection.abort()
          case .failure: throw Deliberate()
          case .flushDeadline: connection.close()
          case .idle, .drainDeadline, .serverAbort, .loopShutdown: break
          }
        }
      }
    }
  }

  @Sendable private static func body(_ connection: TCPConnection, _ cause: Cause) async throws {
    while let view = try await connection.receive() {
      for byte in view.copied() {
        if byte == 1 {
          try await connection.send(try connection.arena.message(CutStreamTests.reply))
        } else if byte == 2 {
          switch cause {
          case .abort: return await connection.abort()
          case .failure: throw Deliberate()
          case .flushDeadline: return
          case .idle, .drainDeadline, .serverAbort, .loopShutdown: break
          }
        }
      }
    }
  }

  private static func start(_ mode: ServerMode, _ cause: Cause, _ group: LoopGroup) async throws -> RunningServer {
    try await RunningServer.start(cause.configuration, group: group) { server, whenListening in
      switch mode {
      case .tasks: try await server.run(whenListening: whenListening) { try await CutStreamTests.body($0, cause) }
      case .handlers: try await server.run(whenListening: whenListening) { Ender(cause: cause) }
      }
    }
  }

  @Test(arguments: ServerMode.allCases, Cause.allCases)
  func droppedBytesAreAReset(mode: ServerMode, cause: Cause) async throws {
    try await check(mode, cause, queued: true)
  }

  @Test(arguments: ServerMode.allCases, Cause.allCases)
  func aStreamThatIsWholeEndsLikeOne(mode: ServerMode, cause: Cause) async throws {
    try await check(mode, cause, queued: false)
  }

  private func check(_ mode: ServerMode, _ cause: Cause, queued: Bool) async throws {
    let group = try LoopGroup()
    let running = try await CutStreamTests.start(mode, cause, group)
    let port = running.port
    let client = try await blocking {
      let client = try BlockingClient(port: port, bufferBytes: 8192, guardSeconds: 20)
      try client.send([queued ? 1 : 0])
      // The reply is queued, or nothing is.
      while running.server.statistics.bytesReceived < 1 { usleep(1000) }
      if queued { while running.server.statistics.bytesSent < 1 && group.loops[0].memory.slotsOut < 4 { usleep(1000) } }
      usleep(20_000)
      try client.send([2])
      return client
    }
    switch cause {
    case .abort, .failure, .idle, .flushDeadline: break
    case .drainDeadline: running.server.shutdown()
    case .serverAbort: running.server.abort()
    case .loopShutdown: await group.shutdown()
    }
    let (bytes, end, isIntact) = try await blocking {
      // Reading would let the other side go on: wait for the end first.
      _ = try client.waitForTheEnd(seconds: 20)
      return try client.readToTheEnd(of: Pattern(seed: 4))
    }
    #expect(end == (queued ? .reset : cause.endWithNothingQueued))
    #expect(isIntact && (queued ? bytes < CutStreamTests.reply.count : bytes == 0))
    running.server.shutdown()
    _ = try await running.task.value
    await group.shutdown()
    #expect(group.loops[0].memory.slotsOut == 0)
  }
}
