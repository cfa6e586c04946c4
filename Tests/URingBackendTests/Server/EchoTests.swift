import IOBuffers
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What was sent comes back, byte by byte, over real sockets.
@Suite(.timeLimit(.minutes(5)))
struct EchoTests {
  @Test(arguments: ServerMode.allCases, [1, 2, 63, 1024, 16_385, 65_537, 1 << 20])
  func everyByteComesBackWhateverTheChunks(mode: ServerMode, total: Int) async throws {
    let running = try await RunningServer.echo(mode)
    let port = running.port
    for seed in 0..<3 {
      try await blocking { try EchoSwarm.run(port: port, total: total, seed: seed) }
    }
    let summary = try await running.stop()
    #expect(summary.totals.bytesReceived == UInt64(3 * total))
    #expect(summary.totals.bytesSent == UInt64(3 * total))
    #expect(summary.totals.connectionsOpened == 3)
  }

  @Test(arguments: ServerMode.allCases)
  func sixtyFourMebibytesComeBack(mode: ServerMode) async throws {
    let total = TestRun.amount(64 << 20, short: 8 << 20, long: 1 << 30)
    let running = try await RunningServer.echo(mode)
    let port = running.port
    try await blocking { try EchoSwarm.run(port: port, total: total, seed: 7) }
    let summary = try await running.stop()
    #expect(summary.totals.bytesReceived == UInt64(total) && summary.totals.bytesSent == UInt64(total))
  }

  @Test(arguments: ServerMode.allCases)
  func manyConnectionsAtATimeDoNotMixTheirBytes(mode: ServerMode) async throws {
    let running = try await RunningServer.echo(mode)
    let port = running.port
    let count = TestRun.amount(64, short: 16, long: 500)
    try await blocking { try EchoSwarm.run(port: port, clients: count, total: 100_000) }
    let summary = try await running.stop()
    #expect(summary.totals.bytesSent == UInt64(count * 100_000))
  }

  @Test(arguments: ServerMode.allCases)
  func theSameOverIPv6(mode: ServerMode) async throws {
    let running = try await RunningServer.echo(mode, at: try SocketAddress(host: "::1", port: 0))
    #expect(running.address.family == .ipv6 && running.port != 0)
    let port = running.port
    try await blocking { try EchoSwarm.run(port: port, total: 300_000, ipv6: true) }
    let summary = try await running.stop()
    #expect(summary.totals.bytesSent == 300_000)
  }

  /// What `printf x | nc -N` does.
  @Test(arguments: ServerMode.allCases)
  func aPeerThatHalfClosesStillGetsItsBytesAndThenTheEnd(mode: ServerMode) async throws {
    let running = try await RunningServer.echo(mode)
    let port = running.port
    let echoed = try await blocking {
      let client = try BlockingClient(port: port)
      try client.send(Array("x".utf8))
      try client.closeOutput()
      return try client.receiveToEnd()
    }
    #expect(echoed == Array("x".utf8))
    try await running.stop()
  }

  @Test(arguments: ServerMode.allCases)
  func aConnectionWithoutAByteEndsInOrder(mode: ServerMode) async throws {
    let running = try await RunningServer.echo(mode)
    let port = running.port
    let echoed = try await blocking {
      let client = try BlockingClient(port: port)
      try client.closeOutput()
      return try client.receiveToEnd()
    }
    #expect(echoed.isEmpty)
    let summary = try await running.stop()
    #expect(summary.totals.connectionsOpened == 1 && summary.totals.handlerErrors == 0)
  }

  @Test(arguments: ServerMode.allCases)
  func ourOwnClientTalksToOurOwnServer(mode: ServerMode) async throws {
    let running = try await RunningServer.echo(mode)
    let loop = try EventLoop.start()
    let pattern = Pattern(seed: 3)
    let total = 700_000
    let connection = try await TCPConnection.connect(to: running.address, on: loop)
    #expect(connection.peer == running.address)
    let sending = Task(executorPreference: loop) {
      var sent = 0
      while sent < total {
        var buffer = try await loop.arena.allocateWhenAvailable(minimumCapacity: 40_000)
        try buffer.append(contentsOf: pattern.bytes(at: sent, count: min(40_000, total - sent)))
        sent += buffer.count
        try await connection.send(buffer)
      }
      await connection.closeOutput()
    }
    let received = try await Task(executorPreference: loop) {
      var received = 0
      while let view = try await connection.receive() {
        let isRight = view.withBytes { bytes in
          unsafe bytes.withUnsafeBytes { unsafe pattern.matches($0, at: received) }
        }
        #expect(isRight, "wrong bytes at \(received)")
        received += view.count
      }
      return received
    }.value
    try await sending.value
    #expect(received == total)
    await connection.close()
    await loop.shutdown()
    #expect(loop.memory.slotsOut == 0)
    try await running.stop()
  }

  /// One received message goes to every connection from the one slot that the kernel received it into.
  @Test func oneMessageFansOutToManyConnectionsBySharing() async throws {
    let members = Locked<[TCPConnection]>([])
    let count = 20
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        members.withLock { $0.append(connection) }
        while let view = try await connection.receive() {
          for member in members.withLock({ $0 }) { try await member.send(try view.share()) }
        }
        members.withLock { $0.removeAll { $0 === connection } }
      }
    }
    let port = running.port
    let message = Pattern(seed: 9).bytes(count: 10_000)
    try await blocking {
      let clients = try (0..<count).map { _ in try BlockingClient(port: port) }
      while members.withLock({ $0.count }) < count { usleep(1000) }
      try clients[0].send(message)
      for client in clients { #expect(try client.receive(exactly: message.count) == message) }
      for client in clients { try client.closeOutput() }
      for client in clients { #expect(try client.receiveToEnd().isEmpty) }
    }
    let summary = try await running.stop()
    #expect(summary.totals.bytesReceived == UInt64(message.count))
    #expect(summary.totals.bytesSent == UInt64(count * message.count))
    #expect(summary.totals.bytesCopied == 0)
  }
}
