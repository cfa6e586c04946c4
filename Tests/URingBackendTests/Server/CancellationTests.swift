import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Cancelling a task ends its call, loses no byte, and leaves no view, descriptor or operation behind.
@Suite(.timeLimit(.minutes(5)))
struct CancellationTests {
  @Test(arguments: [true, false])
  func aCancelledReceiveThrowsAndTheNextOneGetsTheBytes(onTheLoop: Bool) async throws {
    let running = try await RunningServer.echo(.handlers)
    let loop = try EventLoop.start()
    let connection = try await TCPConnection.connect(to: running.address, on: loop)
    for _ in 0..<10 {
      let task = Task(executorPreference: onTheLoop ? loop : nil) { try await connection.receive()?.count }
      try await Task.sleep(for: .milliseconds(2))
      task.cancel()
      await #expect(throws: SocketError(.cancelled, .receive, peer: running.address)) { try await task.value }
    }
    try await connection.send(try loop.arena.message([1, 2, 3]))
    #expect(try await connection.receive(exactly: 3) == [1, 2, 3])
    await connection.close()
    await loop.shutdown()
    #expect(loop.memory.slotsOut == 0)
    try await running.stop()
  }

  @Test func aTaskThatIsCancelledBeforeItReceivesThrowsAtOnce() async throws {
    let running = try await RunningServer.echo(.handlers)
    let loop = try EventLoop.start()
    let connection = try await TCPConnection.connect(to: running.address, on: loop)
    let task = Task(executorPreference: loop) {
      while !Task.isCancelled { await Task.yield() }
      _ = try await connection.receive()?.count
    }
    task.cancel()
    await #expect(throws: SocketError(.cancelled, .receive, peer: running.address)) { try await task.value }
    await connection.abort()
    await loop.shutdown()
    #expect(loop.memory.slotsOut == 0)
    try await running.stop()
  }

  /// Such a task runs inside of a job of the connection's own task, and is another one all the same.
  @Test func aReceiveOfATaskThatTheConnectionsOwnStartedInItsPlaceCanBeCancelled() async throws {
    let outcome = Locked<SocketError?>(nil)
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        let immediate = Task.immediate { () -> SocketError? in
          do throws(SocketError) {
            _ = try await connection.receive()?.count
            return nil
          } catch {
            return error
          }
        }
        immediate.cancel()
        let error = await immediate.value
        outcome.change { $0 = error }
        while let view = try await connection.receive() { try await connection.send(view) }
      }
    }
    let port = running.port
    try await blocking {
      let client = try BlockingClient(port: port)
      #expect(try client.echo([1, 2, 3]) == [1, 2, 3])
      client.close()
    }
    #expect(outcome.value?.kind == .cancelled)
    try await running.stop()
  }

  /// The view is queued by then and goes out all the same.
  @Test(arguments: [true, false])
  func aCancelledSendThrowsAndWhatIsQueuedStillGoesOut(onTheLoop: Bool) async throws {
    let listener = try PlainListener()
    let loop = try EventLoop.start()
    var limits = ConnectionLimits()
    limits.highWaterBytes = 64 << 10
    limits.lowWaterBytes = 16 << 10
    let connection = try await TCPConnection.connect(to: .loopback(port: listener.port), on: loop, limits: limits)
    let peer = try await blocking { try listener.accept() }
    let queued = Locked(0)
    let pattern = Pattern(seed: 4)
    let task = Task(executorPreference: onTheLoop ? loop : nil) {
      while true {
        let sent = queued.withLock { $0 }
        let message = try await loop.arena.allocateWhenAvailable(minimumCapacity: 50_000)
        let view = try message.filled(with: pattern.bytes(at: sent, count: 50_000))
        queued.withLock { $0 += 50_000 }
        try await connection.send(view)
      }
    }
    // Stuck when nothing moves any more; nobody reads on the other side.
    var last = -1
    var still = 0
    while still < 50 {
      let now = queued.withLock { $0 }
      let isAbove = await loop.onLoop { _ in connection.isAboveHighWater }
      still = now == last && isAbove ? still + 1 : 0
      last = now
      try await Task.sleep(for: .milliseconds(5))
    }
    task.cancel()
    await #expect(throws: SocketError(.cancelled, .send, peer: .loopback(port: listener.port))) { try await task.value }
    await connection.closeOutput()
    let total = queued.withLock { $0 }
    try await blocking {
      let received = try peer.receiveToEnd()
      #expect(received == pattern.bytes(count: total))
      peer.close()
    }
    await connection.close()
    await loop.shutdown()
    #expect(loop.memory.slotsOut == 0)
  }

  @Test func aCancelledConnectGivesTheAttemptUp() async throws {
    let listener = try PlainListener(backlog: 0)
    let fillers = try listener.fillBacklog()
    let loop = try EventLoop.start()
    for _ in 0..<5 {
      let task = Task {
        try await TCPConnection.connect(to: .loopback(port: listener.port), on: loop, timeout: .seconds(100))
      }
      try await Task.sleep(for: .milliseconds(5))
      task.cancel()
      await #expect(throws: SocketError(.cancelled, .connect, peer: .loopback(port: listener.port))) {
        _ = try await task.value
      }
    }
    #expect(!fillers.isEmpty && loop.statistics.connectionsOpened == 0)
    await loop.shutdown()
    #expect(loop.memory.slotsOut == 0)
  }

  @Test func aConnectThatNobodyAnswersTimesOut() async throws {
    let listener = try PlainListener(backlog: 0)
    let fillers = try listener.fillBacklog()
    let loop = try EventLoop.start()
    await #expect(throws: SocketError(.timedOut, .connect, peer: .loopback(port: listener.port))) {
      _ = try await TCPConnection.connect(
        to: .loopback(port: listener.port),
        on: loop,
        timeout: .milliseconds(50)
      )
    }
    #expect(!fillers.isEmpty && loop.statistics.connectionsOpened == 0)
    await loop.shutdown()
  }

  @Test func aShutdownEndsAConnectThatNobodyAnswers() async throws {
    let listener = try PlainListener(backlog: 0)
    let fillers = try listener.fillBacklog()
    let loop = try EventLoop.start()
    let task = Task {
      try await TCPConnection.connect(to: .loopback(port: listener.port), on: loop, timeout: .seconds(100))
    }
    try await eventually { await loop.isConnecting() }
    await loop.shutdown()
    await #expect(throws: SocketError(.shuttingDown, .connect, peer: .loopback(port: listener.port))) {
      _ = try await task.value
    }
    #expect(!fillers.isEmpty)
  }

  @Test func aRefusedConnectSaysSo() async throws {
    let closed = try ClosedPort()
    let port = closed.port
    let loop = try EventLoop.start()
    let error = await #expect(throws: SocketError.self) {
      _ = try await TCPConnection.connect(to: .loopback(port: port), on: loop)
    }
    #expect(error?.errno == .connectionRefused && error?.operation == .connect)
    #expect(error?.description.contains("connect 127.0.0.1:\(port)") == true)
    await loop.shutdown()
  }

  /// Cancelling the task that runs the server is the same as `abort()`: whoever asks for time calls `shutdown()`.
  @Test(arguments: ServerMode.allCases)
  func cancellingTheRunOfAServerClosesItsConnectionsAtOnce(mode: ServerMode) async throws {
    var configuration = TCPServer.Configuration()
    configuration.drainTimeout = .seconds(100_000)
    configuration.limits.idleTimeout = .seconds(100_000)
    let running = try await RunningServer.echo(mode, configuration)
    let port = running.port
    let client = try await blocking {
      let client = try BlockingClient(port: port)
      try client.send([1, 2])
      #expect(try client.receive(exactly: 2) == [1, 2])
      return client
    }
    running.task.cancel()
    let summary = try await running.ended()
    #expect(summary.totals.bytesSent == 2 && summary.totals.connectionsClosed == 1)
    try await blocking { #expect(client.isEnded()) }
  }

  @Test func aServerThatIsCancelledBeforeItListensEndsAtOnce() async throws {
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      return try await TCPServer(address: .loopback(port: 0)).run { (_: TCPConnection) async throws in }
    }
    task.cancel()
    let summary = try await task.value
    #expect(summary.totals.connectionsOpened == 0 && summary.slotsLeaked == 0 && summary.viewsOut == 0)
  }

  @Test func aChildTaskOfAConnectionCanBeCancelledAlone() async throws {
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        let child = Task(executorPreference: connection.loop) { try await connection.receive()?.count }
        try await connection.loop.sleep(for: .milliseconds(2))
        child.cancel()
        await #expect(throws: SocketError.self) { try await child.value }
        try await connection.send(try connection.arena.message([7]))
        while let view = try await connection.receive() { try await connection.send(view) }
      }
    }
    let port = running.port
    try await blocking {
      let client = try BlockingClient(port: port)
      #expect(try client.receive(exactly: 1) == [7])
      try EchoSwarm.run([EchoExchange(client, total: 10_000, seed: 0)])
    }
    try await running.stop()
  }
}
