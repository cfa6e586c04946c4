import IOBuffers
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Zero-copy sends over real sockets. Over loopback the kernel copies such sends, so what a card does is not seen here.
@Suite(.timeLimit(.minutes(5)), .needsZeroCopySend)
struct ZeroCopyTests {
  private func configuration(_ threshold: Int = 1) -> TCPServer.Configuration {
    var configuration = TCPServer.Configuration()
    configuration.loop.zeroCopySendThreshold = threshold
    return configuration
  }

  @Test(arguments: ServerMode.allCases, [1, 2, 1000, 4096, 65_537, 1 << 20, 8 << 20])
  func everyByteComesBack(mode: ServerMode, total: Int) async throws {
    let running = try await RunningServer.echo(mode, configuration())
    let port = running.port
    for seed in 0..<3 {
      try await blocking { try EchoSwarm.run(port: port, total: total, seed: seed) }
    }
    let totals = try await running.stop().totals
    #expect(totals.bytesReceived == UInt64(3 * total) && totals.bytesSent == UInt64(3 * total))
    #expect(totals.zeroCopySends + totals.zeroCopyFallbacks >= 3)
    #expect(totals.zeroCopyCopied <= totals.zeroCopySends)
  }

  /// Connections that never go back to plain sends, since the kernel's reports are ignored: the path of a real card, as
  /// far as loopback goes.
  @Test(arguments: [4096, 1 << 20, 8 << 20])
  func everyByteComesBackWhenEverySendIsZeroCopy(total: Int) async throws {
    let running = try await RunningServer.start(configuration()) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        while let view = try await connection.receive() {
          try await connection.send(view)
          if let index = connection.engine.find(connection.id) {
            connection.engine.records[index].zeroCopy.report(copied: false)
          }
        }
      }
    }
    let port = running.port
    try await blocking { try EchoSwarm.run(port: port, clients: 4, total: total) }
    let totals = try await running.stop().totals
    #expect(totals.bytesSent == UInt64(4 * total))
    #expect(totals.zeroCopyCopied <= totals.zeroCopySends)
  }

  @Test(arguments: ServerMode.allCases)
  func manyConnectionsAtATimeDoNotMixTheirBytes(mode: ServerMode) async throws {
    let running = try await RunningServer.echo(mode, configuration(512))
    let port = running.port
    let count = TestRun.amount(64, short: 16, long: 500)
    try await blocking { try EchoSwarm.run(port: port, clients: count, total: 100_000) }
    let totals = try await running.stop().totals
    #expect(totals.bytesSent == UInt64(count * 100_000))
  }

  /// One message at a time, so that each report is there before the next send.
  @Test(arguments: ServerMode.allCases)
  func overLoopbackTheKernelCopiesAndTheConnectionGoesBackToPlainSends(mode: ServerMode) async throws {
    let running = try await RunningServer.echo(mode, configuration(4096))
    let port = running.port
    let message = Pattern().bytes(count: 5000)
    try await blocking {
      let client = try BlockingClient(port: port)
      for _ in 0..<50 { #expect(try client.echo(message) == message) }
    }
    let totals = try await running.stop().totals
    #expect(totals.bytesSent == 250_000)
    // Without the privilege to lock memory the kernel may refuse instead.
    #expect(totals.zeroCopyCopied >= UInt64(ZeroCopyUse.patience) || totals.zeroCopyFallbacks > 0)
    #expect(totals.zeroCopySends < 25)
  }

  @Test(arguments: ServerMode.allCases)
  func smallMessagesAreSentAsEver(mode: ServerMode) async throws {
    let running = try await RunningServer.echo(mode, configuration(4096))
    let port = running.port
    try await blocking {
      let client = try BlockingClient(port: port)
      for _ in 0..<50 { #expect(try client.echo([1, 2, 3]) == [1, 2, 3]) }
    }
    let totals = try await running.stop().totals
    #expect(totals.zeroCopySends == 0 && totals.zeroCopyFallbacks == 0)
  }

  /// The server's sends are under way, and their memory is with the kernel, when the peer is gone.
  @Test(arguments: ServerMode.allCases)
  func peersThatResetInTheMiddleLeaveNothingBehind(mode: ServerMode) async throws {
    let running = try await RunningServer.echo(mode, configuration())
    let port = running.port
    let rounds = TestRun.amount(5, short: 2, long: 50)
    try await blocking {
      let bystander = try BlockingClient(port: port)
      for _ in 0..<rounds {
        let client = try BlockingClient(port: port)
        fill(client)
        try client.reset()
      }
      try EchoSwarm.run([EchoExchange(bystander, total: 500_000, seed: 1)])
    }
    // Not a number of them: a connection that is reset before it is accepted may never get that far.
    try await eventually { running.server.statistics.connectionsOpen == 0 }
    try await running.stop()
  }

  /// What a peer does not read stays in the server's socket, locked. When the connection's time is up it is given back.
  @Test(arguments: [false, true])
  func aPeerThatNeverReadsKeepsNoMemory(isIdle: Bool) async throws {
    var configuration = configuration()
    configuration.drainTimeout = .milliseconds(50)
    configuration.loop.poolBytes = 4 << 20
    if isIdle { configuration.limits.idleTimeout = .milliseconds(300) }
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        let message = Pattern().bytes(count: 50_000)
        while true { try await connection.send(try connection.loop.arena.message(message)) }
      }
    }
    let port = running.port
    let client = try await blocking {
      let client = try BlockingClient(port: port, bufferBytes: 4096)
      while running.server.statistics.bytesSent == 0 { usleep(1000) }
      usleep(100_000)
      return client
    }
    #expect(running.server.statistics.zeroCopySends + running.server.statistics.zeroCopyFallbacks > 0)
    if isIdle { try await eventually { running.server.statistics.connectionsClosed == 1 } }
    // Were the end of the loop to give up waiting, views would be out.
    try await running.stop()
    client.close()
  }
}
