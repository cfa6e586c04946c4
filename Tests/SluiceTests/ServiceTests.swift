#if ServiceLifecycle
  import Logging
  import ServiceLifecycle
  import ServiceLifecycleTestKit
  import Sluice
  import Synchronization
  import Testing

  /// A server as a service: what a group of services asks of it, and what its connections see of the group.
  @Suite(.timeLimit(.minutes(5)))
  struct ServiceTests {
    /// A server that says where it listens.
    private static func server(drainTimeout: Duration = .seconds(100_000)) -> (TCPServer, AsyncStream<SocketAddress>) {
      let (listening, report) = AsyncStream<SocketAddress>.makeStream()
      var configuration = TCPServer.Configuration()
      configuration.drainTimeout = drainTimeout
      configuration.onListening = { report.yield($0) }
      return (TCPServer(address: .loopback(port: 0), configuration: configuration), listening)
    }

    private static func group(_ service: TCPService) -> ServiceGroup {
      ServiceGroup(services: [service], logger: Logger(label: "services"))
    }

    /// What a peer sees until the stream ends; nil: it broke.
    private static func rest(of connection: TCPConnection) async -> Int? {
      var count = 0
      do {
        while let view = try await connection.receive() { count += view.count }
        return count
      } catch {
        return nil
      }
    }

    private static func connect(_ listening: AsyncStream<SocketAddress>, on loops: LoopGroup) async throws
      -> TCPConnection
    {
      let address = try #require(await listening.first { _ in true })
      return try await TCPConnection.connect(to: address, on: loops.loops[0])
    }

    private static func echo(_ connection: TCPConnection) async throws {
      var buffer = try connection.arena.allocate(minimumCapacity: 8)
      try buffer.append(42, as: .big)
      try await connection.send(buffer)
      var received = 0
      while received < 8, let view = try await connection.receive() { received += view.count }
      #expect(received == 8)
    }

    @Test(arguments: [true, false])
    func aGracefulShutdownLetsConnectionsFinish(handlers: Bool) async throws {
      let (server, listening) = Self.server()
      let service =
        handlers
        ? server.service(handler: { Echo() })
        : server.service { connection in
          while let view = try await connection.receiveUnlessStopping() { try await connection.send(view) }
        }
      let group = Self.group(service)
      let running = Task { try await group.run() }
      let loops = try LoopGroup()
      let connection = try await Self.connect(listening, on: loops)
      try await Self.echo(connection)
      await group.triggerGracefulShutdown()
      #expect(await Self.rest(of: connection) == 0)
      await connection.close()
      try await running.value
      await loops.shutdown()
    }

    @Test func aBodySeesTheGracefulShutdownOfItsGroup() async throws {
      let (server, listening) = Self.server()
      let isSeen = Atomic(false)
      let service = server.service { connection in
        try? await gracefulShutdown()
        // The server is told by the same call, and its connections hear of it on their loops.
        await connection.waitUntilStopping()
        isSeen.store(true, ordering: .releasing)
        #expect(Task.isShuttingDownGracefully && connection.isStopping && !Task.isCancelled)
      }
      let group = Self.group(service)
      let running = Task { try await group.run() }
      let loops = try LoopGroup()
      let connection = try await Self.connect(listening, on: loops)
      while server.statistics.connectionsOpen == 0 { await Task.yield() }
      await group.triggerGracefulShutdown()
      #expect(await Self.rest(of: connection) == 0)
      await connection.close()
      try await running.value
      let wasSeen = isSeen.load(ordering: .acquiring)
      #expect(wasSeen)
      await loops.shutdown()
    }

    @Test func whatABodyHasCancelledByAGracefulShutdownIsCancelled() async throws {
      try await testGracefulShutdown { trigger in
        let (server, listening) = Self.server()
        let service = server.service { connection in
          await cancelWhenGracefulShutdown {
            do {
              while let view = try await connection.receive() { try await connection.send(view) }
            } catch {
              #expect((error as? SocketError)?.kind == .cancelled)
            }
          }
        }
        try await withThrowingTaskGroup { group in
          group.addTask { try await service.run() }
          let loops = try LoopGroup()
          let connection = try await Self.connect(listening, on: loops)
          try await Self.echo(connection)
          trigger.triggerGracefulShutdown()
          #expect(await Self.rest(of: connection) == 0)
          await connection.close()
          try await group.waitForAll()
          await loops.shutdown()
        }
      }
    }

    @Test func cancellationClosesConnectionsAtOnce() async throws {
      let (server, listening) = Self.server()
      let group = Self.group(server.service { connection in _ = try await connection.receive()?.count })
      let running = Task { try await group.run() }
      let loops = try LoopGroup()
      let connection = try await Self.connect(listening, on: loops)
      while server.statistics.connectionsOpen == 0 { await Task.yield() }
      running.cancel()
      _ = try? await running.value
      #expect(server.statistics.connectionsOpen == 0)
      _ = await Self.rest(of: connection)
      await connection.close()
      await loops.shutdown()
    }

    /// A group takes a service that returns for one that failed, unless it shuts down.
    @Test func aServerThatEndsByItselfEndsItsGroup() async throws {
      let (server, listening) = Self.server()
      let group = Self.group(TCPService(server) { server in try await server.run(handler: { Echo() }) })
      let running = Task { try await group.run() }
      _ = await listening.first { _ in true }
      server.shutdown()
      await #expect(throws: ServiceGroupError.self) { try await running.value }
    }

    @Test(arguments: [true, false], [true, false])
    func aServerOfDatagramsIsOneToo(handlers: Bool, isCancelled: Bool) async throws {
      let (bound, report) = AsyncStream<SocketAddress>.makeStream()
      // A host of its own: elsewhere another test might have the port by the time that nobody listens there.
      let host = "127.97.\(handlers ? 1 : 2).\(isCancelled ? 1 : 2)"
      let server = DatagramServer(address: try SocketAddress(host: host, port: 0))
      let service =
        handlers
        ? server.service(whenBound: { report.yield($0) }, handler: { DatagramEcho() })
        : server.service(whenBound: { report.yield($0) }) { socket in
          while let datagram = try await socket.receive() {
            if let path = datagram.path { await socket.send(datagram.takePayload(), over: path) }
          }
        }
      let group = ServiceGroup(services: [service], logger: Logger(label: "services"))
      let running = Task { try await group.run() }
      let address = try #require(await bound.first { _ in true })
      let loops = try LoopGroup()
      let socket = try await DatagramSocket.connect(to: address, on: loops.loops[0])
      var buffer = try socket.arena.allocate(minimumCapacity: 8)
      try buffer.append(42, as: .big)
      #expect(await socket.send(try buffer.finish()))
      #expect(try await socket.receive()?.count == 8)
      if isCancelled { running.cancel() } else { await group.triggerGracefulShutdown() }
      _ = try? await running.value
      // Nobody is there any more: the next one is refused, and the network says so.
      var last = try socket.arena.allocate(minimumCapacity: 8)
      try last.append(43, as: .big)
      #expect(await socket.send(try last.finish()))
      await #expect(throws: SocketError.self) { _ = try await socket.receive(timeout: .seconds(20)) }
      await socket.close()
      await loops.shutdown()
    }

    private struct DatagramEcho: DatagramHandler {
      mutating func received(_ datagram: consuming Datagram, on socket: borrowing DatagramContext) {
        guard let path = datagram.path else { return }
        socket.send(datagram.takePayload(), over: path)
      }
    }

    private struct Echo: ConnectionHandler {
      mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
        connection.send(view)
      }

      mutating func stopping(_ connection: borrowing ConnectionContext) { connection.close() }
    }
  }
#endif
