import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The bounds of a server.
@Suite(.timeLimit(.minutes(5)))
struct LimitTests {
  @Test(arguments: ServerMode.allCases, [[], [KernelFeature.multishotAccept]])
  func beyondTheConnectionLimitPeersWaitAndAreServedThen(mode: ServerMode, without: [KernelFeature]) async throws {
    var configuration = TCPServer.Configuration()
    configuration.maximumConnections = 5
    configuration.loop.disabledFeatures = without
    let running = try await RunningServer.echo(mode, configuration)
    let port = running.port
    let open = Locked(UInt64(0))
    try await blocking {
      // 30 connect at a time, and speak one after the other: whoever is not served yet waits in the backlog.
      var clients = try (0..<30).map { _ in try BlockingClient(port: port) }
      for client in clients { try client.send([1, 2, 3]) }
      while !clients.isEmpty {
        let client = clients.removeFirst()
        #expect(try client.receive(exactly: 3) == [1, 2, 3])
        open.withLock { $0 = max($0, running.server.statistics.connectionsOpen) }
        try client.closeOutput()
        #expect(try client.receiveToEnd().isEmpty)
      }
    }
    #expect(open.withLock { $0 } <= 5)
    let summary = try await running.stop()
    #expect(summary.totals.connectionsOpened == 30 && summary.totals.acceptsPaused > 0)
    #expect(summary.totals.bytesSent == 90)
  }

  @Test func theConnectionLimitHoldsOverAllLoops() async throws {
    var configuration = TCPServer.Configuration()
    configuration.loops = 2
    configuration.maximumConnections = 3
    let running = try await RunningServer.echo(.tasks, configuration)
    let port = running.port
    let most = Locked(UInt64(0))
    try await blockingThreads(20) { _ in
      let client = try BlockingClient(port: port)
      #expect(try client.echo([1, 2]) == [1, 2])
      most.withLock { $0 = max($0, running.server.statistics.connectionsOpen) }
      try client.closeOutput()
      #expect(try client.receiveToEnd().isEmpty)
    }
    #expect(most.withLock { $0 } <= 3)
    let summary = try await running.stop()
    #expect(summary.totals.connectionsOpened == 20)
  }

  /// Peers that wait beyond the limit do not keep a server from stopping.
  @Test func aServerAtItsLimitStops() async throws {
    var configuration = TCPServer.Configuration()
    configuration.maximumConnections = 1
    let running = try await RunningServer.echo(.tasks, configuration)
    let port = running.port
    let clients = try await blocking {
      let clients = try (0..<4).map { _ in try BlockingClient(port: port) }
      #expect(try clients[0].echo([1]) == [1])
      return clients
    }
    running.server.shutdown()
    try await blocking {
      try clients[0].closeOutput()
      #expect(try clients[0].receiveToEnd().isEmpty)
      for client in clients[1...] { #expect(client.isEnded()) }
    }
    try await running.ended()
  }

  @Test(arguments: ServerMode.allCases)
  func anIdleConnectionIsClosed(mode: ServerMode) async throws {
    var configuration = TCPServer.Configuration()
    configuration.limits.idleTimeout = .seconds(1)
    let running = try await RunningServer.echo(mode, configuration)
    let port = running.port
    try await blocking {
      let silent = try BlockingClient(port: port)
      let spoke = try BlockingClient(port: port)
      #expect(try spoke.echo([1]) == [1])
      #expect(silent.isEnded() && spoke.isEnded())
    }
    let summary = try await running.stop()
    #expect(summary.totals.connectionsOpened == 2)
  }

  @Test func aTaskLearnsThatItsConnectionWasIdle() async throws {
    var configuration = TCPServer.Configuration()
    configuration.limits.idleTimeout = .milliseconds(20)
    let seen = Locked<SocketError?>(nil)
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        do {
          _ = try await connection.receive()?.count
        } catch let error as SocketError {
          seen.withLock { $0 = error }
        }
      }
    }
    let port = running.port
    try await blocking {
      let client = try BlockingClient(port: port)
      #expect(client.isEnded())
    }
    try await running.stop()
    #expect(seen.withLock { $0?.kind } == .idle)
    #expect(seen.withLock { $0?.description.contains("idle time") } == true)
  }

  /// Bytes that move keep a connection alive for many times its idle timeout, in either direction.
  @Test(arguments: ServerMode.allCases)
  func aConnectionOnWhichBytesMoveIsNotIdle(mode: ServerMode) async throws {
    var configuration = TCPServer.Configuration()
    configuration.limits.idleTimeout = .seconds(3)
    let running = try await RunningServer.echo(mode, configuration)
    let port = running.port
    try await blocking {
      let client = try BlockingClient(port: port)
      for round in 0..<5 {
        #expect(try client.echo([UInt8(round)]) == [UInt8(round)])
        usleep(800_000)
      }
      try client.closeOutput()
      #expect(try client.receiveToEnd().isEmpty)
    }
    let summary = try await running.stop()
    #expect(summary.totals.bytesSent == 5)
  }

  @Test func twoLoopsShareThePortAndBothGetConnections() async throws {
    let group = try LoopGroup(count: 2)
    let running = try await RunningServer.echo(.tasks, group: group)
    let port = running.port
    let shares = try await blocking {
      // The kernel spreads by a hash of the addresses; with 100 client ports one loop is left out once in 2^99.
      let clients = try (0..<100).map { _ in try BlockingClient(port: port) }
      for client in clients { #expect(try client.echo([1]) == [1]) }
      return group.loops.map { $0.statistics.connectionsOpen }
    }
    #expect(shares.allSatisfy { $0 > 0 } && shares.reduce(0, +) == 100)
    running.server.shutdown()
    _ = try await running.task.value
    await group.shutdown()
    #expect(group.loops.allSatisfy { $0.memory.slotsOut == 0 })
  }

  @Test(arguments: [1, 2])
  func aPortThatIsInUseIsAClearError(loops: Int) async throws {
    let listener = try PlainListener()
    var configuration = TCPServer.Configuration()
    configuration.loops = loops
    let address = SocketAddress.loopback(port: listener.port)
    let error = await #expect(throws: SocketError.self) {
      try await RunningServer.echo(.tasks, configuration, at: address)
    }
    #expect(error?.errno == .addressInUse && error?.peer == address)
    #expect(error?.description.contains("127.0.0.1:\(listener.port): the port is in use; ") == true)
  }

  @Test func anAddressThatThisMachineDoesNotHaveIsAClearError() async throws {
    let address = SocketAddress(ipv4: 0xC000_0201, port: 0)
    let error = await #expect(throws: SocketError.self) { try await RunningServer.echo(.tasks, at: address) }
    #expect(error?.errno == .addressNotAvailable && error?.operation == .bind && error?.peer == address)
  }
}
