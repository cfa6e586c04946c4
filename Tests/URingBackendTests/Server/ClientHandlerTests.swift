import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

/// Connections that handlers serve on the client's side, and reaching a connection by its name.
@Suite(.timeLimit(.minutes(5)))
struct ClientHandlerTests {
  /// What a handler saw, for a test to look at.
  struct Seen: Sendable {
    var received: [UInt8] = []
    var closed = 0
    var error: SocketError?
    var open: [ConnectionID] = []
  }

  struct Recorder: ConnectionHandler {
    let seen: Locked<Seen>
    var greeting: [UInt8] = []

    mutating func opened(_ connection: borrowing ConnectionContext) throws {
      let id = connection.id
      seen.change { $0.open.append(id) }
      if !greeting.isEmpty { connection.send(try connection.arena.message(greeting)) }
    }

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
      let bytes = view.copied()
      seen.change { $0.received += bytes }
    }

    mutating func closed(_ error: SocketError?) {
      seen.change {
        $0.closed += 1
        $0.error = error
      }
    }
  }

  struct Refusal: Error {}

  @Test(arguments: ServerMode.allCases)
  func aHandlersConnectionSendsAndReceives(mode: ServerMode) async throws {
    let running = try await RunningServer.echo(mode)
    let loop = try EventLoop.start()
    let seen = Locked(Seen())
    let client = TCPClient(on: loop) { Recorder(seen: seen, greeting: [1, 2, 3]) }
    for _ in 0..<5 { try await client.connect(to: running.address) }
    try await eventually { seen.value.received.count == 15 }
    #expect(seen.value.received.sorted() == [1, 2, 3].flatMap { Array(repeating: $0, count: 5) })
    await client.shutdown()
    #expect(seen.value.closed == 5)
    await loop.shutdown()
    #expect(loop.memory.slotsOut == 0)
    try await running.stop()
  }

  @Test func oneBufferGoesToManyConnectionsWithoutACopy() async throws {
    let listener = try PlainListener()
    let loop = try EventLoop.start()
    let seen = Locked(Seen())
    let client = TCPClient(on: loop) { Recorder(seen: seen) }
    var peers: [BlockingClient] = []
    for _ in 0..<8 {
      try await client.connect(to: .loopback(port: listener.port))
      peers.append(try await blocking { try listener.accept() })
    }
    let names = seen.value.open
    #expect(Set(names).count == 8)
    let bytes = Pattern().bytes(count: 5000)
    let view = Locked<ReadView?>(try loop.arena.message(bytes))
    let slots = await loop.onLoop { loop -> Int in
      let message = view.withLock { $0.take() }
      guard let message else { return 0 }
      _ = loop.withConnection(names[0]) { connection in
        for name in names {
          if let shared = try? message.share() { connection.send(shared, to: name) }
        }
      }
      message.release()
      return loop.memory.slotsOut
    }
    for peer in peers { #expect(try await blocking { try peer.receive(exactly: 5000) } == bytes) }
    #expect(slots - Int(loop.statistics.slotsPosted) == 1)
    #expect(loop.statistics.bytesCopied == 0)
    await client.shutdown()
    await loop.shutdown()
    #expect(loop.memory.slotsOut == 0)
  }

  @Test func theNameOfAConnectionThatIsGoneFindsNothing() async throws {
    let running = try await RunningServer.echo(.handlers)
    let loop = try EventLoop.start()
    let seen = Locked(Seen())
    let client = TCPClient(on: loop) { Recorder(seen: seen) }
    let first = try await client.connect(to: running.address)
    #expect(await loop.onLoop { $0.withConnection(first) { $0.peer } } == running.address)
    await loop.onLoop { _ = $0.withConnection(first) { $0.abort() } }
    try await eventually { seen.value.closed == 1 }
    // Its place is taken by the next one.
    let second = try await client.connect(to: running.address)
    #expect(second != first)
    #expect(await loop.onLoop { $0.withConnection(first) { _ in true } } == nil)
    let view = Locked<ReadView?>(try loop.arena.message([1]))
    let wasSent = await loop.onLoop { loop in
      loop.withConnection(second) { connection -> Bool in
        guard let view = view.withLock({ $0.take() }) else { return true }
        return connection.send(view, to: first)
      }
    }
    #expect(wasSent == false)
    await client.shutdown()
    await loop.shutdown()
    #expect(loop.memory.slotsOut == 0)
    try await running.stop()
  }

  @Test func aHandlerThatCannotBeMadeClosesItsConnection() async throws {
    let running = try await RunningServer.echo(.handlers)
    let loop = try EventLoop.start()
    let client = TCPClient<EchoHandler>(on: loop) { throw Refusal() }
    try await client.connect(to: running.address)
    await client.shutdown()
    #expect(loop.statistics.connectionsOpen == 0)
    #expect(loop.statistics.handlerErrors == 1)
    await loop.shutdown()
    try await running.stop()
  }

  @Test func connectingWhereNobodyListensThrows() async throws {
    let closed = try ClosedPort()
    let port = closed.port
    let loop = try EventLoop.start()
    let client = TCPClient(on: loop) { EchoHandler() }
    await #expect(throws: SocketError(.system(.connectionRefused), .connect, peer: .loopback(port: port))) {
      try await client.connect(to: .loopback(port: port))
    }
    await client.shutdown()
    await loop.shutdown()
  }

  @Test func shuttingDownGivesUpAttemptsAndRefusesNewOnes() async throws {
    let listener = try PlainListener(backlog: 0)
    let fillers = try await blocking { try listener.fillBacklog() }
    let address = SocketAddress.loopback(port: listener.port)
    let loop = try EventLoop.start()
    let client = TCPClient(on: loop, timeout: .seconds(100)) { EchoHandler() }
    let attempt = Task { try await client.connect(to: address) }
    try await eventually { await loop.isConnecting() }
    await client.shutdown()
    #expect(await !loop.isConnecting())
    await #expect(throws: SocketError(.shuttingDown, .connect, peer: address)) { try await attempt.value }
    await #expect(throws: SocketError(.shuttingDown, .connect, peer: address)) { try await client.connect(to: address) }
    await client.shutdown()
    await loop.shutdown()
    withExtendedLifetime(fillers) {}
  }

  @Test func cancellingTheTaskGivesTheAttemptUp() async throws {
    let listener = try PlainListener(backlog: 0)
    let fillers = try await blocking { try listener.fillBacklog() }
    let address = SocketAddress.loopback(port: listener.port)
    let loop = try EventLoop.start()
    let client = TCPClient(on: loop, timeout: .seconds(100)) { EchoHandler() }
    let attempt = Task { try await client.connect(to: address) }
    try await eventually { await loop.isConnecting() }
    attempt.cancel()
    await #expect(throws: SocketError(.cancelled, .connect, peer: address)) { try await attempt.value }
    await client.shutdown()
    await loop.shutdown()
    withExtendedLifetime(fillers) {}
  }

  @Test func aClientOfALoopThatHasEndedSaysSo() async throws {
    let loop = try EventLoop.start()
    let client = TCPClient(on: loop) { EchoHandler() }
    await loop.shutdown()
    await #expect(throws: SocketError(.shuttingDown, .connect, peer: .loopback(port: 9))) {
      try await client.connect(to: .loopback(port: 9))
    }
    await client.shutdown()
  }

  @Test func anUnknownCongestionControlIsAnError() async throws {
    let running = try await RunningServer.echo(.handlers)
    let loop = try EventLoop.start()
    var options = SocketOptions()
    options.congestionControl = "reno"
    let client = TCPClient(on: loop, options: options) { EchoHandler() }
    try await client.connect(to: running.address)
    options.congestionControl = "no such"
    await #expect(throws: SocketError(.system(.noSuchFileOrDirectory), .option, peer: running.address)) {
      try await TCPClient(on: loop, options: options) { EchoHandler() }.connect(to: running.address)
    }
    await client.shutdown()
    await loop.shutdown()
    try await running.stop()
  }
}
