import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A handler connection of which both halves are over closes, whichever was over first. FAULTS B12.
@Suite(.timeLimit(.minutes(3)))
struct HalfCloseTests {
  /// Which half ends first, and when.
  enum Order: CaseIterable {
    case peerFirst
    case serverFirst
    case serverAtOnce
  }

  /// Ends its own half with `closeOutput`, and never calls `close`.
  private struct HalfCloser: ConnectionHandler {
    let order: Order
    let gone: Locked<[SocketError?]>

    mutating func opened(_ connection: borrowing ConnectionContext) {
      if order == .serverAtOnce { connection.closeOutput() }
    }

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
      connection.send(view)
      if order == .serverFirst { connection.closeOutput() }
    }

    mutating func inputEnded(_ connection: borrowing ConnectionContext) {
      if order == .peerFirst { connection.closeOutput() }
    }

    mutating func closed(_ error: SocketError?) { gone.change { $0.append(error) } }
  }

  @Test(arguments: Order.allCases)
  func aHandlerWithBothHalvesOverCloses(order: Order) async throws {
    let gone = Locked<[SocketError?]>([])
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { HalfCloser(order: order, gone: gone) }
    }
    let count = 20
    try await blocking {
      let clients = try (0..<count).map { _ in try BlockingClient(port: running.port, guardSeconds: 20) }
      for client in clients {
        if order != .serverAtOnce { try client.send([1, 2, 3]) }
        if order == .peerFirst { try client.closeOutput() }
        #expect(try client.receiveToEnd() == (order == .serverAtOnce ? [] : [1, 2, 3]))
      }
      if order != .peerFirst {
        // Nothing closes as long as one half is open: the peer may still send.
        for client in clients { try client.send([4]) }
        let total = UInt64(order == .serverFirst ? 4 * count : count)
        while running.server.statistics.bytesReceived < total { usleep(1000) }
        #expect(running.server.statistics.connectionsOpen == UInt64(count))
        for client in clients { try client.closeOutput() }
      }
      while running.server.statistics.connectionsOpen > 0 { usleep(1000) }
    }
    #expect(gone.value.count == count && gone.value.allSatisfy { $0 == nil })
    try await running.settles()
    try await running.stop()
  }

  /// An echo whose peer half-closes with more on its way back than fits: all of it arrives, then the connection is gone.
  @Test func whatIsQueuedGoesOutBeforeTheHalvesAreOver() async throws {
    let gone = Locked<[SocketError?]>([])
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { HalfCloser(order: .peerFirst, gone: gone) }
    }
    try await blocking { try EchoSwarm.run(port: running.port, clients: 4, total: 300_000) }
    try await running.settles()
    #expect(gone.value == [nil, nil, nil, nil])
    try await running.stop()
  }

  /// A proxy by two handlers: the end of one connection's input becomes the end of the other one's output.
  private final class Proxy: ConnectionHandler {
    let partner: Locked<[ConnectionID]>
    let isFirst: Bool

    init(_ partner: Locked<[ConnectionID]>) {
      self.partner = partner
      isFirst = partner.value.isEmpty
    }

    func opened(_ connection: borrowing ConnectionContext) {
      let id = connection.id
      partner.change { $0.append(id) }
    }

    func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
      connection.send(view, to: partner.value[isFirst ? 1 : 0])
    }

    func inputEnded(_ connection: borrowing ConnectionContext) {
      connection.loop.withConnection(partner.value[isFirst ? 1 : 0]) { $0.closeOutput() }
    }
  }

  @Test func aProxyOfTwoHandlersEndsWhenBothPeersHave() async throws {
    let partner = Locked<[ConnectionID]>([])
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { Proxy(partner) }
    }
    try await blocking {
      let first = try BlockingClient(port: running.port, guardSeconds: 20)
      while partner.value.count < 1 { usleep(1000) }
      let second = try BlockingClient(port: running.port, guardSeconds: 20)
      while partner.value.count < 2 { usleep(1000) }
      let message = Pattern(seed: 2).bytes(count: 30_000)
      try first.send(message)
      try first.closeOutput()
      #expect(try second.receiveToEnd() == message)
      // The other direction is still open.
      try second.send(message)
      #expect(running.server.statistics.connectionsOpen == 2)
      try second.closeOutput()
      #expect(try first.receiveToEnd() == message)
    }
    try await running.settles()
    try await running.stop()
  }
}
