import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Ends of every kind while slots are scarce: of peers in line, of those that hold their share, of the server itself.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct PressureAttackTests {
  /// What the server does to all other connections when a control connection says so.
  enum Order: UInt8, CaseIterable {
    case close = 1
    case abort
    case closeOutput
    case pauseAndResume
  }

  private static let features: [[KernelFeature]] = [[], [.incrementalBuffers], [.multishotReceive]]

  private static func configuration(_ without: [KernelFeature] = []) -> TCPServer.Configuration {
    var configuration = TCPServer.Configuration()
    configuration.loop.poolBytes = 256 << 10
    configuration.loop.disabledFeatures = without
    configuration.options.sendBufferBytes = 16 << 10
    configuration.options.receiveBufferBytes = 16 << 10
    configuration.drainTimeout = .milliseconds(100)
    return configuration
  }

  /// Echoes, and obeys the connection that was there first.
  private final class Obedient: ConnectionHandler {
    let all: Locked<[ConnectionID]>
    let gone: Locked<[SocketError?]>
    private var isFirst = false

    init(_ all: Locked<[ConnectionID]>, _ gone: Locked<[SocketError?]>) {
      self.all = all
      self.gone = gone
    }

    func opened(_ connection: borrowing ConnectionContext) {
      isFirst = all.value.isEmpty
      let id = connection.id
      all.change { $0.append(id) }
    }

    func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
      if isFirst, let order = view.copied().first.flatMap({ Order(rawValue: $0) }) {
        for id in all.value.dropFirst() {
          connection.loop.withConnection(id) { other in
            switch order {
            case .close: other.close()
            case .abort: other.abort()
            case .closeOutput: other.closeOutput()
            case .pauseAndResume:
              other.pauseInput(true)
              other.pauseInput(false)
            }
          }
        }
      }
      connection.send(view)
    }

    func closed(_ error: SocketError?) { gone.change { $0.append(error) } }
  }

  private static func start(
    _ configuration: TCPServer.Configuration,
    _ gone: Locked<[SocketError?]> = Locked([])
  ) async throws -> RunningServer {
    let all = Locked<[ConnectionID]>([])
    return try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { Obedient(all, gone) }
    }
  }

  @Test(arguments: Order.allCases, features)
  func theServerEndsConnectionsThatHoldTheirShare(order: Order, without: [KernelFeature]) async throws {
    let gone = Locked<[SocketError?]>([])
    let running = try await PressureAttackTests.start(PressureAttackTests.configuration(without), gone)
    let count = 24
    try await blocking {
      let control = try BlockingClient(port: running.port, guardSeconds: 20)
      #expect(try control.echo([0]) == [0])
      var flood = try Flood(port: running.port, count: count, bufferBytes: 8192)
      try flood.fill(until: { running.server.statistics.pressureEpisodes > 0 })
      #expect(try control.echo([order.rawValue]) == [order.rawValue])
      #expect(try control.echo([0]) == [0])
      switch order {
      case .pauseAndResume: try flood.readEverythingBack()
      case .abort:
        for peer in flood.peers {
          let (_, end, isIntact) = try peer.client.readToTheEnd(of: peer.pattern)
          #expect(end == .reset && isIntact)
        }
      case .close, .closeOutput:
        for peer in flood.peers {
          let (bytes, end, isIntact) = try peer.client.readToTheEnd(of: peer.pattern)
          #expect(end == .endOfStream && isIntact && bytes > 0 && bytes <= peer.sent)
        }
        // What they still send is discarded, or refused by nobody.
        for peer in flood.peers { try peer.client.closeOutput() }
      }
      #expect(try control.echo([0]) == [0])
      control.close()
    }
    try await running.settles()
    #expect(gone.value.count == count + 1)
    #expect(gone.value.count { $0 != nil } == (order == .abort ? count : 0), "\(gone.value)")
    try await running.stop()
  }

  /// Peers that hold their share, or stand in line, leave in all ways, while others come.
  @Test(arguments: ServerMode.allCases, features)
  func peersInLineMayLeaveInEveryWay(mode: ServerMode, without: [KernelFeature]) async throws {
    let running = try await RunningServer.echo(mode, PressureAttackTests.configuration(without))
    let rounds = TestRun.amount(4, short: 2, long: 100)
    try await blocking {
      let honest = try BlockingClient(port: running.port, guardSeconds: 20)
      for round in 0..<rounds {
        var flood = try Flood(port: running.port, count: 32, bufferBytes: 8192)
        // Not always until nothing moves: some leave in the middle of it.
        try flood.fill(quietMilliseconds: round % 2 == 0 ? 20 : 0)
        for (place, peer) in flood.peers.enumerated() {
          switch place % 4 {
          case 0: try peer.client.reset()
          case 1: peer.client.close()
          case 2:
            // Half-closes, and resets with everything unread.
            try peer.client.closeOutput()
            try peer.client.reset()
          default:
            try peer.client.closeOutput()
            _ = try peer.client.receive(1000)
          }
        }
        let message = Pattern(seed: round).bytes(count: 500)
        #expect(try honest.echo(message) == message)
        for (place, peer) in flood.peers.enumerated() where place % 4 == 3 {
          // Half-closed while it was starved: everything comes back, and then the end.
          let (bytes, end, _) = try peer.client.readToTheEnd()
          #expect(end == .endOfStream && bytes + 1000 >= peer.sent && bytes < peer.sent)
        }
      }
      honest.close()
    }
    try await running.settles()
    let summary = try await running.stop()
    #expect(summary.totals.handlerErrors == 0)
  }

  enum Stop: CaseIterable {
    case graceful
    case abort
    case loops
  }

  /// A stop in the middle of it: everything ends, and everything is home.
  @Test(arguments: ServerMode.allCases, Stop.allCases)
  func aStopUnderPressureLeavesNothing(mode: ServerMode, stop: Stop) async throws {
    let configuration = PressureAttackTests.configuration()
    let group = try LoopGroup(count: 2, configuration: configuration.loop)
    let running = try await RunningServer.echo(mode, configuration, group: group)
    let flood = try await blocking {
      var flood = try Flood(port: running.port, count: 48, bufferBytes: 4096)
      try flood.fill(quietMilliseconds: 20)
      return flood
    }
    switch stop {
    case .graceful: running.server.shutdown()
    case .abort: running.server.abort()
    case .loops: await group.shutdown()
    }
    running.server.shutdown()
    let summary = try await running.task.value
    #expect(summary.totals.connectionsOpen == 0)
    try await blocking {
      for peer in flood.peers {
        let (bytes, end, isIntact) = try peer.client.readToTheEnd(of: peer.pattern)
        // An end of stream only where nothing is missing.
        #expect(isIntact && (end == .reset || bytes == peer.sent), "\(bytes) of \(peer.sent), \(end)")
      }
    }
    await group.shutdown()
    #expect(group.loops.allSatisfy { $0.memory.slotsOut == 0 })
  }

  /// What zero-copy sends still read is moved by nobody.
  @Test(arguments: ServerMode.allCases)
  func zeroCopySendsUnderPressureBringEveryByte(mode: ServerMode) async throws {
    var configuration = PressureAttackTests.configuration()
    configuration.loop.zeroCopySendThreshold = 1024
    let running = try await RunningServer.echo(mode, configuration)
    try await blocking {
      var flood = try Flood(port: running.port, count: 24, bufferBytes: 8192)
      try flood.fill(until: { running.server.statistics.pressureEpisodes > 0 })
      try EchoSwarm.run(port: running.port, total: 20_000)
      try flood.readEverythingBack()
    }
    try await running.settles()
    try await running.stop()
  }

  /// Pressure that comes and goes, again and again, on the same server.
  @Test(arguments: ServerMode.allCases)
  func pressureThatIsOverLeavesTheServerAsItWas(mode: ServerMode) async throws {
    let running = try await RunningServer.echo(mode, PressureAttackTests.configuration())
    let rounds = TestRun.amount(5, short: 2, long: 100)
    try await blocking {
      for round in 0..<rounds {
        var flood = try Flood(port: running.port, count: 24, bufferBytes: 8192)
        let episodes = running.server.statistics.pressureEpisodes
        try flood.fill(until: { running.server.statistics.pressureEpisodes > episodes })
        if round % 2 == 0 {
          try flood.readEverythingBack()
        } else {
          for client in flood.clients { try client.reset() }
        }
        while running.server.statistics.connectionsOpen > 0 { usleep(1000) }
        while running.server.statistics.bytesHeld > 0 { usleep(1000) }
        // Slots abound: nothing is copied any more.
        usleep(30_000)
        let before = running.server.statistics
        try EchoSwarm.run(port: running.port, clients: 1, total: 3000)
        #expect(running.server.statistics.bytesCopied == before.bytesCopied)
      }
    }
    try await running.settles()
    try await running.stop()
  }
}
