import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Small pieces that somebody keeps, each in another slot, and what becomes of those who keep them. FAULTS A2.
@Suite(.timeLimit(.minutes(3)))
struct HeldBytesTests {
  /// Whoever begins with one byte alone has it kept until its connection is gone; the others get back what they send.
  final class Keeper: ConnectionHandler {
    let gone: Locked<[SocketError?]>
    private var kept: ReadView?
    private var isKeeper: Bool?

    init(_ gone: Locked<[SocketError?]>) { self.gone = gone }

    func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
      if isKeeper == nil { isKeeper = view.count == 1 }
      if isKeeper == true {
        kept = consume view
      } else {
        connection.send(view)
      }
    }

    func closed(_ error: SocketError?) {
      if isKeeper == true { gone.change { $0.append(error) } }
      kept = nil
    }
  }

  private static func configuration(_ without: [KernelFeature]) -> TCPServer.Configuration {
    var configuration = TCPServer.Configuration()
    configuration.loop.poolBytes = 1 << 20
    configuration.loop.disabledFeatures = without
    return configuration
  }

  private static let features: [[KernelFeature]] = [[], [.incrementalBuffers], [.receiveLimit], [.multishotReceive]]
  private static let holders = 256

  /// Lets each of many peers leave one byte, with so much traffic between two of them that each is in another slot.
  private static func leaveBytes(_ running: RunningServer, beside honest: BlockingClient) throws -> [BlockingClient] {
    try (0..<holders).map { number in
      let client = try BlockingClient(port: running.port, guardSeconds: 20)
      let before = running.server.statistics.bytesReceived
      try client.send([UInt8(truncatingIfNeeded: number)])
      while running.server.statistics.bytesReceived == before { usleep(100) }
      let message = Pattern(seed: number).bytes(count: 20_000)
      try #require(try honest.echo(message) == message)
      return client
    }
  }

  private static func serveOthers(_ running: RunningServer, _ honest: BlockingClient) throws {
    for round in 0..<100 {
      let message = Pattern(seed: 3).bytes(at: round, count: 64)
      try #require(try honest.echo(message) == message)
    }
    let newcomer = try BlockingClient(port: running.port, guardSeconds: 20)
    #expect(try newcomer.echo([1, 2]) == [1, 2])
    try EchoSwarm.run([EchoExchange(newcomer, total: 40_000, seed: 1)])
  }

  @Test(arguments: features)
  func bytesThatABusyBodyDoesNotTakePinNoSlotEach(without: [KernelFeature]) async throws {
    let gate = Gate()
    let count = Locked(0)
    let running = try await RunningServer.start(HeldBytesTests.configuration(without)) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        // The first one is honest, and so are those who come after the holders.
        let number = count.withLock { count in
          count += 1
          return count
        }
        if (2..<2 + HeldBytesTests.holders).contains(number) { await gate.wait() }
        while let view = try await connection.receive() { try await connection.send(view) }
      }
    }
    try await blocking {
      let honest = try BlockingClient(port: running.port, guardSeconds: 20)
      #expect(try honest.echo([1]) == [1])
      let holders = try HeldBytesTests.leaveBytes(running, beside: honest)
      try HeldBytesTests.serveOthers(running, honest)
      gate.open()
      // Each byte is as it was.
      for (number, client) in holders.enumerated() {
        #expect(try client.receive(exactly: 1) == [UInt8(truncatingIfNeeded: number)])
      }
    }
    try await running.settles()
    try await running.stop()
  }

  /// The same with peers that push: what their bodies do not take is bounded, and whole when they take it.
  @Test(arguments: features)
  func peersThatPushTowardsBusyBodiesStopNobody(without: [KernelFeature]) async throws {
    let gate = Gate()
    let peers = 32
    let count = Locked(0)
    var configuration = HeldBytesTests.configuration(without)
    configuration.options.receiveBufferBytes = 16 << 10
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        let number = count.withLock { count in
          count += 1
          return count
        }
        if (2..<2 + peers).contains(number) { await gate.wait() }
        while let view = try await connection.receive() { try await connection.send(view) }
      }
    }
    try await blocking {
      let honest = try BlockingClient(port: running.port, guardSeconds: 20)
      #expect(try honest.echo([1]) == [1])
      var flood = try Flood(port: running.port, count: peers, bufferBytes: 8192)
      while running.server.statistics.connectionsOpen < UInt64(peers + 1) { usleep(1000) }
      try flood.fill(until: { running.server.statistics.pressureEpisodes > 0 })
      try HeldBytesTests.serveOthers(running, honest)
      gate.open()
      try flood.readEverythingBack()
    }
    try await running.settles()
    try await running.stop()
  }

  @Test(arguments: features)
  func viewsThatHandlersKeepPinNoSlotEachAndEveryEndIsHeard(without: [KernelFeature]) async throws {
    let gone = Locked<[SocketError?]>([])
    let running = try await RunningServer.start(HeldBytesTests.configuration(without)) { server, whenListening in
      try await server.run(whenListening: whenListening) { Keeper(gone) }
    }
    try await blocking {
      let honest = try BlockingClient(port: running.port, guardSeconds: 20)
      #expect(try honest.echo([1, 2]) == [1, 2])
      let holders = try HeldBytesTests.leaveBytes(running, beside: honest)
      try HeldBytesTests.serveOthers(running, honest)
      for (place, client) in holders.enumerated() {
        if place % 2 == 0 { try client.reset() } else { client.close() }
      }
      try HeldBytesTests.serveOthers(running, honest)
    }
    try await running.settles()
    #expect(gone.value.count == HeldBytesTests.holders)
    #expect(gone.value.count { $0?.errno == .connectionReset } == HeldBytesTests.holders / 2)
    #expect(gone.value.count { $0 == nil } == HeldBytesTests.holders / 2)
    try await running.stop()
  }
}
