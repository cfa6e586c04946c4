import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Proxies that are handlers: all that comes, in both directions, at the pace of whoever is slower, and with the ends that there are.
@Suite(.timeLimit(.minutes(3)))
struct RelayTests {
  /// The other half: whatever it is told is a mistake, except its end.
  private struct Upstream: ConnectionHandler {
    let ends: Locked<[SocketError.Kind?]>

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
      Issue.record("bytes came to a handler whose connection is joined")
    }

    mutating func closed(_ error: SocketError?) { ends.change { [kind = error?.kind] in $0.append(kind) } }
  }

  private struct Proxy: ConnectionHandler {
    let upstream: TCPClient<Upstream>
    let address: SocketAddress
    let ends: Locked<[SocketError?]>

    mutating func opened(_ connection: borrowing ConnectionContext) {
      let isFirst = connection.relay(to: address, over: upstream)
      let isSecond = connection.relay(to: address, over: upstream)
      // Once.
      #expect(isFirst && !isSecond)
    }

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
      Issue.record("bytes came to a handler whose connection is joined")
    }

    mutating func closed(_ error: SocketError?) { ends.change { $0.append(error) } }
  }

  private struct Running {
    let running: RunningServer
    let ends = Locked<[SocketError?]>([])
    let upstreamEnds = Locked<[SocketError.Kind?]>([])

    init(to address: SocketAddress, loops: Int = 1, _ configure: (inout TCPServer.Configuration) -> Void = { _ in })
      async throws
    {
      var configuration = TCPServer.Configuration()
      configuration.loops = loops
      configure(&configuration)
      let (ends, upstreamEnds) = (ends, upstreamEnds)
      let options = configuration.options
      running = try await RunningServer.start(configuration) { server, whenListening in
        try await server.run(
          whenListening: whenListening,
          state: { TCPClient(on: $0, options: options) { Upstream(ends: upstreamEnds) } },
          handler: { Proxy(upstream: $0, address: address, ends: ends) }
        )
      }
    }

    func connect(_ behind: PlainListener) async throws -> (client: BlockingClient, upstream: BlockingClient) {
      let port = running.port
      return try await blocking { (try BlockingClient(port: port, bufferBytes: 16_384), try behind.accept()) }
    }

    /// Nothing is left on either side.
    func settles(_ count: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws {
      let isSettled = try await comesTrue { ends.value.count == count && upstreamEnds.value.count == count }
      #expect(isSettled, "\(ends.value) \(upstreamEnds.value)", sourceLocation: sourceLocation)
      try await running.settles(sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: [1, 3])
  func whatAnEchoServerSaysComesBackThroughAProxy(loops: Int) async throws {
    let echo = try await RunningServer.echo(.tasks)
    let proxy = try await Running(to: echo.address, loops: loops)
    let port = proxy.running.port
    try await blocking { try EchoSwarm.run(port: port, clients: 12, total: 300_000) }
    try await proxy.settles(12)
    #expect(proxy.ends.value.allSatisfy { $0 == nil })
    let summary = try await proxy.running.stop()
    #expect(summary.totals.bytesCopied == 0)
    try await echo.stop()
  }

  @Test(arguments: [true, false])
  func eachDirectionEndsByItself(clientFirst: Bool) async throws {
    let behind = try PlainListener()
    let proxy = try await Running(to: .loopback(port: behind.port))
    let (client, upstream) = try await proxy.connect(behind)
    try await blocking {
      let (first, second) = clientFirst ? (client, upstream) : (upstream, client)
      try first.send([1, 2, 3])
      try first.closeOutput()
      #expect(try second.receiveToEnd() == [1, 2, 3])
      for byte: UInt8 in 4...6 {
        try second.send([byte])
        #expect(try first.receive(exactly: 1) == [byte])
      }
      try second.closeOutput()
      #expect(try first.end() == .endOfStream)
      first.close()
      second.close()
    }
    try await proxy.settles(1)
    #expect(proxy.ends.value == [nil] && proxy.upstreamEnds.value == [nil])
    try await proxy.running.stop()
  }

  /// Whoever does not read stops the other side, and that side only: the other direction goes on.
  @Test(arguments: [true, false])
  func aSlowReaderSlowsTheSenderAndNotTheOtherDirection(isClient: Bool) async throws {
    let behind = try PlainListener()
    // Sockets that hold little, so that what is on the way is known.
    let proxy = try await Running(to: .loopback(port: behind.port)) { $0.options.receiveBufferBytes = 16_384 }
    let (client, upstream) = try await proxy.connect(behind)
    try upstream.set(SO_SNDBUF, Int32(16_384))
    let (sender, reader) = isClient ? (upstream, client) : (client, upstream)
    let pattern = Pattern(seed: 3)
    let sent = try await blocking {
      var sent = 0
      var quiet = 0
      while quiet < 3 {
        let more = try sender.sendWithoutWaiting(pattern, from: sent)
        sent += more
        quiet = more == 0 ? quiet + 1 : 0
        if more == 0 { #expect(throws: Errno.timedOut) { try sender.waitForTheEnd(milliseconds: 50) } }
      }
      return sent
    }
    #expect(sent < 64 << 20)
    // Against it, while it stands still: more than all buffers on the way hold.
    let bytes = Pattern(seed: 4).bytes(count: 1 << 20)
    async let isPushed: Void = blocking { try reader.send(bytes) }
    #expect(try await blocking { try sender.receive(exactly: bytes.count) } == bytes)
    try await isPushed
    try sender.closeOutput()
    let (count, end, isIntact) = try await blocking { try reader.readToTheEnd(of: pattern) }
    #expect(count == sent && end == .endOfStream && isIntact)
    reader.close()
    #expect(try await blocking { try sender.receiveToEnd() } == [])
    sender.close()
    try await proxy.settles(1)
    try await proxy.running.stop()
  }

  @Test(arguments: [true, false])
  func aResetIsPassedOn(byClient: Bool) async throws {
    let behind = try PlainListener()
    let proxy = try await Running(to: .loopback(port: behind.port))
    let (client, upstream) = try await proxy.connect(behind)
    try await blocking {
      let (first, second) = byClient ? (client, upstream) : (upstream, client)
      try first.send([1])
      #expect(try second.receive(exactly: 1) == [1])
      try first.reset()
      #expect(try second.end() == .reset)
    }
    try await proxy.settles(1)
    let kinds = [proxy.ends.value[0]?.kind, proxy.upstreamEnds.value[0]]
    #expect(kinds == (byClient ? [.system(.connectionReset), .closed] : [.closed, .system(.connectionReset)]))
    try await proxy.running.stop()
  }

  // MARK: Connecting

  @Test func whereNobodyListensTheClientIsReset() async throws {
    let closed = try ClosedPort()
    let target = SocketAddress.loopback(port: closed.port)
    let proxy = try await Running(to: target)
    let port = proxy.running.port
    try await blocking {
      let client = try BlockingClient(port: port)
      // It sends nothing: a send would take the error.
      #expect(try client.end() == .reset)
    }
    try await eventually { proxy.ends.value.count == 1 }
    #expect(proxy.ends.value == [SocketError(.system(.connectionRefused), .connect, peer: target)])
    try await proxy.running.settles()
    try await proxy.running.stop()
  }

  /// The attempt hangs, because the backlog there is full.
  @Test func whoLeavesWhileTheProxyConnectsEndsTheAttempt() async throws {
    let behind = try PlainListener(backlog: 0)
    let fillers = try await blocking { try behind.fillBacklog() }
    let group = try LoopGroup()
    let loop = group.loops[0]
    let ends = Locked<[SocketError?]>([])
    let upstreamEnds = Locked<[SocketError.Kind?]>([])
    let address = SocketAddress.loopback(port: behind.port)
    let running = try await RunningServer.start(group: group) { server, whenListening in
      try await server.run(
        whenListening: whenListening,
        state: { TCPClient(on: $0) { Upstream(ends: upstreamEnds) } },
        handler: { Proxy(upstream: $0, address: address, ends: ends) }
      )
    }
    let client = try BlockingClient(port: running.port)
    try await eventually { await loop.isConnecting() }
    try client.reset()
    try await eventually { ends.value.count == 1 }
    try await eventually { await !loop.isConnecting() }
    #expect(upstreamEnds.value.isEmpty)
    // And the server's stop while another one connects.
    let second = try BlockingClient(port: running.port)
    try await eventually { await loop.isConnecting() }
    running.server.abort()
    _ = try await blocking { try second.end() }
    _ = try await running.task.value
    try await eventually { await !loop.isConnecting() }
    await group.shutdown()
    withExtendedLifetime(fillers) {}
  }

  // MARK: In the middle of a conversation

  /// As an HTTP proxy does: the first line says where to.
  private struct Connect: ConnectionHandler, ~Copyable {
    let upstream: TCPClient<Upstream>
    let port: UInt16
    var lines = Framer(LineDecoder(maximumLength: 100))

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      lines.append(view)
      guard let line = try lines.next() else { return }
      #expect(line.text() == "CONNECT")
      try connection.send("OK\r\n")
      connection.relay(to: .loopback(port: port), over: upstream, sending: lines.bytes.take())
    }
  }

  @Test(arguments: [Delivery.atOnce, .singleBytes])
  func whatAHandlerHasReceivedGoesFirst(delivery: Delivery) async throws {
    let behind = try PlainListener()
    let port = behind.port
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(
        whenListening: whenListening,
        state: { TCPClient(on: $0) { Upstream(ends: Locked([])) } },
        handler: { Connect(upstream: $0, port: port) }
      )
    }
    let client = try BlockingClient(port: running.port)
    try await blocking {
      let rest = Array("CONNECT\r\n".utf8) + (0..<255).map { UInt8($0) }
      try delivery.send(rest, over: client)
      try client.closeOutput()
      let upstream = try behind.accept()
      #expect(try upstream.receiveToEnd() == (0..<255).map { UInt8($0) })
      try upstream.send([9])
      upstream.close()
      #expect(try client.receiveToEnd() == Array("OK\r\n".utf8) + [9])
      client.close()
    }
    try await running.settles()
    try await running.stop()
  }

  // MARK: Ends from this side

  @Test(arguments: [true, false])
  func aStopEndsBothSides(aborts: Bool) async throws {
    let behind = try PlainListener()
    let proxy = try await Running(to: .loopback(port: behind.port)) { $0.drainTimeout = .milliseconds(50) }
    let (client, upstream) = try await proxy.connect(behind)
    try await blocking {
      try client.send([1])
      #expect(try upstream.receive(exactly: 1) == [1])
    }
    if aborts { proxy.running.server.abort() } else { proxy.running.server.shutdown() }
    try await blocking {
      _ = try client.end()
      _ = try upstream.end()
    }
    try await proxy.running.ended()
    #expect(proxy.ends.value.map { $0?.kind } == [.shuttingDown])
    #expect(proxy.upstreamEnds.value == [.shuttingDown])
  }

  @Test func anIdlePairIsClosedAsOne() async throws {
    let behind = try PlainListener()
    let proxy = try await Running(to: .loopback(port: behind.port)) { $0.limits.idleTimeout = .milliseconds(500) }
    let (client, upstream) = try await proxy.connect(behind)
    let ends = try await blocking { [try client.end(), try upstream.end()] }
    #expect(ends == [.endOfStream, .endOfStream])
    client.close()
    upstream.close()
    try await proxy.settles(1)
    #expect(proxy.ends.value.map { $0?.kind } == [.idle] && proxy.upstreamEnds.value == [.idle])
    try await proxy.running.stop()
  }

  // MARK: What cannot be joined

  @Test func onlyTwoThatAreServedByHandlersAndOpenCanBeJoined() async throws {
    let echo = try await RunningServer.echo(.tasks)
    let group = try LoopGroup(count: 2)
    let loop = group.loops[0]
    let ends = Locked<[SocketError.Kind?]>([])
    let client = TCPClient(on: loop) { Upstream(ends: ends) }
    let (first, second) = (try await client.connect(to: echo.address), try await client.connect(to: echo.address))
    let elsewhere = try await TCPClient(on: group.loops[1]) { Upstream(ends: ends) }.connect(to: echo.address)
    let ofATask = try await TCPConnection.connect(to: echo.address, on: loop)
    let gone = try await client.connect(to: echo.address)
    await loop.onLoop { loop in _ = loop.withConnection(gone) { $0.abort() } }
    try await eventually { ends.value == [.closed] }
    await loop.onLoop { loop in
      _ = loop.withConnection(first) { connection in
        let refused = [first, elsewhere, ofATask.id, gone].map { connection.join($0) }
        #expect(refused == [false, false, false, false])
        let joined = [connection.join(second), connection.join(second)]
        #expect(joined == [true, false])
      }
      _ = loop.withConnection(second) { connection in
        let isJoined = connection.join(first)
        #expect(!isJoined)
        connection.close()
      }
    }
    // One is closed by this side, and so is the other.
    try await eventually { ends.value.count == 3 }
    #expect(ends.value == [.closed, nil, nil])
    await ofATask.close()
    await client.shutdown()
    await group.shutdown()
    try await echo.stop()
  }
}
