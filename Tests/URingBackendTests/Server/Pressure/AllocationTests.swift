import IOBuffers
import Logging
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Tasks that hold memory and wait for more, of which there is none: they stop nobody else, and end with their peers.
/// FAULTS A7.
@Suite(.timeLimit(.minutes(3)))
struct AllocationTests {
  enum Leaving: CaseIterable {
    case reset
    /// A FIN ends nothing by itself: the task may still reply. The idle timeout does.
    case endOfStream
    case stop
  }

  private static let size = 16_384

  /// Whoever begins with 1 takes a buffer and waits for another, and so on for ever; the others are served with a
  /// buffer of the arena's for each message.
  private static func serve(
    _ connection: TCPConnection,
    _ errors: Locked<[SocketError]>,
    _ passesOn: Bool
  ) async throws {
    while let view = try await connection.receive() {
      let bytes = view.copied()
      guard bytes.first == 1 else {
        try await connection.send(try await connection.allocate(minimumCapacity: 64).filled(with: bytes))
        continue
      }
      do throws(SocketError) {
        try await hoard(connection)
      } catch {
        errors.change { $0.append(error) }
        if passesOn { throw error }
        return
      }
    }
  }

  private static func hoard(_ connection: TCPConnection) async throws(SocketError) {
    let held = try await connection.allocate(minimumCapacity: size)
    try await hoard(connection)
    withExtendedLifetime(held) {}
  }

  private static func start(
    _ leaving: Leaving,
    passesOn: Bool,
    _ errors: Locked<[SocketError]>,
    _ log: RecordedLog
  ) async throws -> RunningServer {
    var configuration = TCPServer.Configuration()
    configuration.loop.bufferBytes = 1 << 20
    configuration.drainTimeout = .milliseconds(50)
    if leaving == .endOfStream { configuration.limits.idleTimeout = .seconds(2) }
    return try await RunningServer.start(configuration, log: log) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        try await AllocationTests.serve(connection, errors, passesOn)
      }
    }
  }

  @Test(arguments: Leaving.allCases)
  func whoeverWaitsForMemoryEndsWithItsPeer(leaving: Leaving) async throws {
    let errors = Locked<[SocketError]>([])
    let running = try await AllocationTests.start(leaving, passesOn: false, errors, RecordedLog())
    let count = 100
    let hoarders = try await blocking {
      let hoarders = try (0..<count).map { _ in try BlockingClient(port: running.port, guardSeconds: 20) }
      for client in hoarders { try client.send([1]) }
      while running.server.statistics.bytesReceived < UInt64(count) { usleep(1000) }
      return hoarders
    }
    switch leaving {
    case .reset: for client in hoarders { try client.reset() }
    case .endOfStream: for client in hoarders { client.close() }
    case .stop: running.server.shutdown()
    }
    #expect(try await comesTrue { errors.value.count == count }, "\(errors.value.count) of \(count)")
    let kinds = Set(errors.value.map(\.kind))
    switch leaving {
    case .reset: #expect(kinds == [.system(.connectionReset)])
    case .endOfStream: #expect(kinds == [.idle])
    case .stop: #expect(kinds == [.shuttingDown])
    }
    #expect(errors.value.allSatisfy { $0.operation == .allocate && $0.peer != nil })
    if leaving != .stop {
      // Newcomers get what they held.
      try await blocking {
        for _ in 0..<10 {
          let client = try BlockingClient(port: running.port, guardSeconds: 20)
          #expect(try client.echo([2, 3, 4]) == [2, 3, 4])
        }
      }
      try await running.settles()
    }
    try await running.stop()
  }

  /// What is received lies elsewhere: those who need no buffer of the arena are served while others wait for one.
  @Test(arguments: ServerMode.allCases)
  func userCodeThatHoldsTheWholeArenaStopsNoReceive(mode: ServerMode) async throws {
    var configuration = TCPServer.Configuration()
    configuration.loop.bufferBytes = 256 << 10
    configuration.loop.poolBytes = 256 << 10
    let group = try LoopGroup(configuration: configuration.loop)
    var held: [AnyObject] = []
    for size in [65_536, 16_384, 4096, 64] {
      while let buffer = try? group.loops[0].arena.allocate(minimumCapacity: size) { held.append(Locked(buffer)) }
    }
    #expect(held.count >= 3)
    let running = try await RunningServer.echo(mode, configuration, group: group)
    try await blocking { try EchoSwarm.run(port: running.port, clients: 8, total: 50_000) }
    held = []
    running.server.shutdown()
    _ = try await running.task.value
    await group.shutdown()
    #expect(group.loops[0].memory.slotsOut == 0)
  }

  /// That a peer went while its task waited is no error of the task's, as little as in `receive`.
  @Test func anOrdinaryEndWhileATaskWaitsForMemoryIsNoError() async throws {
    let errors = Locked<[SocketError]>([])
    let log = RecordedLog()
    let running = try await AllocationTests.start(.reset, passesOn: true, errors, log)
    try await blocking {
      let client = try BlockingClient(port: running.port, guardSeconds: 20)
      try client.send([1])
      while running.server.statistics.bytesReceived < 1 { usleep(1000) }
      usleep(20_000)
      try client.reset()
    }
    try await running.settles()
    let summary = try await running.stop()
    #expect(errors.value.map(\.kind) == [.system(.connectionReset)])
    #expect(summary.totals.handlerErrors == 0)
    #expect(log.count(atLeast: .error) == 0, "\(log.lines)")
  }

  @Test func allocationsThatCannotBeAreClearErrors() async throws {
    let listener = try PlainListener()
    let loop = try EventLoop.start()
    let connection = try await TCPConnection.connect(to: .loopback(port: listener.port), on: loop)
    let peer = try await blocking { try listener.accept() }
    for size in [-1, Int.min] {
      await #expect(throws: SocketError(.system(.invalidArgument), .allocate, peer: connection.peer)) {
        _ = try await connection.allocate(minimumCapacity: size).count
      }
    }
    await #expect(throws: SocketError(.system(.noMemory), .allocate, peer: connection.peer)) {
      _ = try await connection.allocate(minimumCapacity: 1 << 30).count
    }
    peer.close()
    await connection.close()
    await loop.shutdown()
    #expect(loop.memory.slotsOut == 0)
  }
}
