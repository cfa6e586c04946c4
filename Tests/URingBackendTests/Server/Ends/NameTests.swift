import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Names of connections: each finds its own connection as long as that lives, and nothing else ever. FAULTS C5, C6.
@Suite(.timeLimit(.minutes(3)))
struct NameTests {
  /// Names of all connections that are open, with the loop of each.
  private typealias Directory = Locked<[(loop: Int, id: ConnectionID)]>

  /// Tries to reach every connection by its name, from its own loop, and says how many were found.
  private struct Teller: ConnectionHandler {
    let directory: Directory
    let found: Locked<[Int]>

    mutating func opened(_ connection: borrowing ConnectionContext) {
      let entry = (connection.loop.index, connection.id)
      directory.change { $0.append(entry) }
    }

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      let own = connection.loop.index
      for entry in directory.value where entry.loop != own {
        let wasSent = connection.send(try view.share(), to: entry.id)
        let wasReached = connection.loop.withConnection(entry.id) { $0.abort() } != nil
        found.change { $0.append((wasSent ? 1 : 0) + (wasReached ? 1 : 0)) }
      }
      connection.send(view)
    }
  }

  @Test func aNameOfAnotherLoopFindsNothing() async throws {
    let directory = Directory([])
    let found = Locked<[Int]>([])
    let group = try LoopGroup(count: 2)
    let running = try await RunningServer.start(group: group) { server, whenListening in
      try await server.run(whenListening: whenListening) { Teller(directory: directory, found: found) }
    }
    try await blocking {
      let clients = try (0..<32).map { _ in try BlockingClient(port: running.port, guardSeconds: 20) }
      while directory.value.count < clients.count { usleep(1000) }
      #expect(Set(directory.value.map(\.loop)) == [0, 1])
      #expect(Set(directory.value.map(\.id)).count == clients.count)
      for (number, client) in clients.enumerated() {
        // A stranger's byte would come first.
        #expect(try client.echo([UInt8(number)]) == [UInt8(number)])
      }
      for client in clients { try client.closeOutput() }
      for client in clients { #expect(try client.receiveToEnd().isEmpty) }
    }
    #expect(found.value.count > 100 && found.value.allSatisfy { $0 == 0 })
    running.server.shutdown()
    _ = try await running.task.value
    await group.shutdown()
    #expect(group.loops.allSatisfy { $0.memory.slotsOut == 0 })
  }

  /// What a handler does in its last call.
  enum LastWords: CaseIterable {
    case abortItself
    case closeItself
    case sendToItself
    case abortAllOthers
  }

  private final class Meddler: ConnectionHandler {
    let words: LastWords
    let loop: EventLoop
    let all: Locked<[ConnectionID]>
    private var id: ConnectionID?
    private var isVictim = false

    init(_ words: LastWords, _ loop: EventLoop, _ all: Locked<[ConnectionID]>) {
      self.words = words
      self.loop = loop
      self.all = all
    }

    func opened(_ connection: borrowing ConnectionContext) { id = connection.id }

    func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
      // Those that begin with 2 are to be aborted by others, and to abort others.
      if view.copied().first == 2 {
        let id = connection.id
        all.change { $0.append(id) }
        isVictim = true
      }
      connection.send(view)
    }

    func closed(_ error: SocketError?) {
      guard let id else { return }
      switch words {
      case .abortItself: loop.withConnection(id) { $0.abort() }
      case .closeItself: loop.withConnection(id) { $0.close() }
      case .sendToItself:
        loop.withConnection(id) { connection in
          if let view = try? connection.arena.message([0]) { connection.send(view) }
        }
      case .abortAllOthers:
        guard isVictim else { return }
        for other in all.value { loop.withConnection(other) { $0.abort() } }
      }
    }
  }

  /// Connections that end in one batch say what they may not say any more; those that come right after them, in their
  /// places, must not suffer for it.
  @Test(arguments: LastWords.allCases)
  func lastWordsDoNotReachTheNextConnectionInTheSamePlace(words: LastWords) async throws {
    let all = Locked<[ConnectionID]>([])
    let group = try LoopGroup()
    let running = try await RunningServer.start(group: group) { server, whenListening in
      try await server.run(whenListening: whenListening) { Meddler(words, group.loops[0], all) }
    }
    let rounds = TestRun.amount(40, short: 10, long: 1000)
    try await blocking {
      for _ in 0..<rounds {
        let going = try (0..<10).map { _ in try BlockingClient(port: running.port, guardSeconds: 20) }
        for client in going { #expect(try client.echo([2]) == [2]) }
        for (place, client) in going.enumerated() {
          if place % 2 == 0 { try client.reset() } else { client.close() }
        }
        // At once, so that they take the places that are left.
        let coming = try (0..<10).map { _ in try BlockingClient(port: running.port, guardSeconds: 20) }
        for client in coming { try #require(try client.echo([3, 4]) == [3, 4]) }
        for client in coming { try #require(try client.echo([5]) == [5]) }
        for client in coming { try client.closeOutput() }
        for client in coming { try #require(try client.end() == .endOfStream) }
      }
    }
    try await running.settles()
    let summary = running.server.statistics
    #expect(summary.connectionsOpened == UInt64(20 * rounds))
    running.server.shutdown()
    _ = try await running.task.value
    await group.shutdown()
    #expect(group.loops[0].memory.slotsOut == 0)
  }
}
