import CLiburing
import IOBuffers
import Logging
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// User code that keeps the views of its connection: others are served meanwhile, and while slots are scarce its time is
/// bounded (`holdTimeout`). What it keeps is good for as long as it keeps it.
@Suite(.timeLimit(.minutes(3)))
struct HoldTests {
  /// Views that user code keeps, with what they should hold.
  final class Shelf: Sendable {
    private struct Content: ~Copyable {
      var views: [Int: [Locked<ReadView?>]] = [:]
      var bytes = 0
    }

    private let content = Locked(Content())

    var bytes: Int { content.withLock { $0.bytes } }
    var views: Int { content.withLock { content in content.views.values.reduce(0) { $0 + $1.count } } }

    func keep(_ view: consuming ReadView, of number: Int) {
      let count = view.count
      let box = Locked<ReadView?>(consume view)
      content.change { content in
        content.views[number, default: []].append(box)
        content.bytes += count
      }
    }

    /// Whether the views of one connection hold the bytes of its pattern, in order.
    func isIntact(_ number: Int, _ pattern: Pattern) -> Bool {
      let boxes = content.withLock { $0.views[number] ?? [] }
      var offset = 1
      return boxes.allSatisfy { box in
        box.withLock { view -> Bool in
          let bytes = view?.copied() ?? []
          defer { offset += bytes.count }
          let isRight = unsafe bytes.withUnsafeBytes { unsafe pattern.matches($0, at: offset) }
          return isRight && !bytes.isEmpty
        }
      }
    }

    /// Takes everything off the shelf, in a random order.
    func takeAll(seed: UInt64) -> [Locked<ReadView?>] {
      let all = content.withLock { content -> [Locked<ReadView?>] in
        defer { content.views = [:] }
        return content.views.values.flatMap { $0 }
      }
      var noise = Noise(seed: seed)
      return all.shuffled(using: &noise)
    }
  }

  /// Keeps everything after the first byte on the shelf, if that byte is 1; sends everything back otherwise.
  private final class Hoarder: ConnectionHandler {
    let shelf: Shelf
    let number: Int
    let gone: Locked<[Int: SocketError?]>
    private var keeps: Bool?

    init(_ shelf: Shelf, _ number: Int, _ gone: Locked<[Int: SocketError?]>) {
      self.shelf = shelf
      self.number = number
      self.gone = gone
    }

    func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      if keeps == nil {
        let first = view.copied()[0]
        keeps = first == 1
        if first == 1 { return view.count > 1 ? shelf.keep(try view.slice(1..<view.count), of: number) : () }
      }
      if keeps == true { shelf.keep(view, of: number) } else { connection.send(view) }
    }

    func closed(_ error: SocketError?) {
      let number = number
      if keeps == true { gone.change { $0[number] = .some(error) } }
    }
  }

  private static func configuration(_ hold: Duration) -> TCPServer.Configuration {
    var configuration = TCPServer.Configuration()
    configuration.loop.poolBytes = 256 << 10
    configuration.limits.holdTimeout = hold
    configuration.options.receiveBufferBytes = 16 << 10
    return configuration
  }

  private static func start(
    _ configuration: TCPServer.Configuration,
    _ shelf: Shelf,
    _ gone: Locked<[Int: SocketError?]>,
    _ log: RecordedLog = RecordedLog()
  ) async throws -> RunningServer {
    let count = Locked(0)
    return try await RunningServer.start(configuration, log: log) { server, whenListening in
      try await server.run(whenListening: whenListening) {
        let number = count.withLock { count in
          count += 1
          return count - 1
        }
        return Hoarder(shelf, number, gone)
      }
    }
  }

  /// A client that sends the byte 1 and then its pattern, until nothing more is taken.
  private static func hoard(_ port: UInt16, _ number: Int) throws -> BlockingClient {
    let client = try BlockingClient(port: port, bufferBytes: 8192, guardSeconds: 20)
    try client.send([1])
    var sent = 1
    while true {
      var one = pollfd(fd: client.descriptor, events: Int16(POLLOUT), revents: 0)
      guard unsafe poll(&one, 1, 100) == 1, one.revents & Int16(POLLERR | POLLHUP) == 0 else { return client }
      do {
        sent += try client.sendWithoutWaiting(Pattern(seed: number), from: sent)
      } catch Errno.connectionReset, Errno.brokenPipe {
        return client
      }
    }
  }

  @Test func whoKeepsItsShareForTooLongIsGivenUpAndNobodyElse() async throws {
    let (shelf, log) = (Shelf(), RecordedLog())
    let gone = Locked<[Int: SocketError?]>([:])
    let running = try await HoldTests.start(HoldTests.configuration(.milliseconds(300)), shelf, gone, log)
    try await blocking {
      let hoarder = try HoldTests.hoard(running.port, 0)
      let honest = try BlockingClient(port: running.port, guardSeconds: 20)
      let silent = try BlockingClient(port: running.port, guardSeconds: 20)
      #expect(try silent.echo([5]) == [5])
      for round in 0..<50 {
        let message = Pattern(seed: 5).bytes(at: round, count: 200)
        #expect(try honest.echo([0] + message) == [0] + message)
      }
      #expect(try hoarder.end() == .reset)
      #expect(try honest.echo([0]) == [0])
      #expect(try silent.echo([6]) == [6])
    }
    #expect(gone.value.count == 1 && gone.value[0]??.kind == .holdsMemory, "\(gone.value)")
    #expect(shelf.isIntact(0, Pattern(seed: 0)) && shelf.bytes > 64 << 10)
    #expect(running.server.statistics.connectionsEvicted == 1)
    #expect(log.count(containing: "holds memory that others need") == 1)
    #expect(log.count(atLeast: .error) == 0, "\(log.lines)")
    // Long after its connection, on another thread.
    let kept = shelf.takeAll(seed: 1)
    try await blocking { for view in kept { view.change { $0 = nil } } }
    try await running.settles()
    let summary = try await running.stop()
    #expect(summary.totals.connectionsEvicted == 1 && summary.totals.connectionsGivenUp == 1)
  }

  /// A task is told by `receive`, and cancelled.
  @Test func aTaskThatKeepsItsShareForTooLongHearsOfIt() async throws {
    let shelf = Shelf()
    let outcome = Locked<(kind: SocketError.Kind?, wasCancelled: Bool)?>(nil)
    let running = try await RunningServer.start(HoldTests.configuration(.milliseconds(300))) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        do {
          while let view = try await connection.receive() { shelf.keep(view, of: 0) }
        } catch let error as SocketError {
          while !Task.isCancelled { await Task.yield() }
          outcome.change { $0 = (error.kind, Task.isCancelled) }
          throw error
        }
      }
    }
    try await blocking {
      let client = try HoldTests.hoard(running.port, 0)
      #expect(try client.end() == .reset)
    }
    try await running.settles(open: 0, held: true)
    #expect(outcome.value?.kind == .holdsMemory && outcome.value?.wasCancelled == true)
    let kept = shelf.takeAll(seed: 1)
    try await blocking { for view in kept { view.change { $0 = nil } } }
    try await running.settles()
    let summary = try await running.stop()
    #expect(summary.totals.handlerErrors == 0)
  }

  /// Many that keep, and leave; their views stay, and are released from other threads, in any order, while new
  /// connections come and take the places and accounts of the old ones.
  @Test(arguments: [[], [KernelFeature.incrementalBuffers]])
  func viewsMayOutliveTheirConnectionsAndBeReleasedAnywhere(without: [KernelFeature]) async throws {
    let shelf = Shelf()
    let gone = Locked<[Int: SocketError?]>([:])
    // An end of stream behind bytes that there is no room for waits as long.
    var configuration = HoldTests.configuration(.milliseconds(200))
    configuration.loop.poolBytes = 1 << 20
    configuration.loop.disabledFeatures = without
    let running = try await HoldTests.start(configuration, shelf, gone)
    let hoarders = 16
    try await blocking {
      for number in 0..<hoarders {
        let client = try BlockingClient(port: running.port, bufferBytes: 8192, guardSeconds: 20)
        try client.send([1])
        var sent = 1
        // As much as the server takes at once, and not more than some.
        for _ in 0..<20 {
          sent += unsafe Pattern(seed: number).withBytes(at: sent, count: 3000) {
            unsafe (try? client.sendSome($0, flags: Int32(MSG_DONTWAIT))) ?? 0
          }
          usleep(500)
        }
        if number % 2 == 0 { try client.reset() } else { client.close() }
      }
      // One that was reset before its first byte was taken never said who it is.
      while running.server.statistics.connectionsOpened < hoarders / 2 { usleep(1000) }
      while running.server.statistics.connectionsOpen > 0 { usleep(1000) }
      #expect(gone.value.count >= hoarders / 2)
      for number in 0..<hoarders { #expect(shelf.isIntact(number, Pattern(seed: number))) }
    }
    let kept = shelf.takeAll(seed: 7)
    #expect(!kept.isEmpty)
    try await blockingThreads(4) { thread in
      guard thread > 0 else { return try HoldTests.echo(running.port, clients: 20) }
      for index in stride(from: thread - 1, to: kept.count, by: 3) {
        kept[index].change { $0 = nil }
        if index % 8 == 0 { usleep(200) }
      }
    }
    try await running.settles()
    try await blocking { try HoldTests.echo(running.port, clients: 5) }
    try await running.settles()
    try await running.stop()
  }

  private static func echo(_ port: UInt16, clients: Int) throws {
    for seed in 0..<clients {
      let client = try BlockingClient(port: port, guardSeconds: 20)
      #expect(try client.echo([0, 1]) == [0, 1])
      try EchoSwarm.run([EchoExchange(client, total: 30_000, seed: seed)])
    }
  }

  /// Whoever holds its share is asked again whenever something moves; that must not leave anything behind each time.
  @Test func whoHoldsItsShareIsListedOnce() async throws {
    let shelf = Shelf()
    let group = try LoopGroup(configuration: HoldTests.configuration(.seconds(100)).loop)
    let ids = Locked<[ConnectionID]>([])
    let running = try await RunningServer.start(group: group) { server, whenListening in
      try await server.run(whenListening: whenListening) { Listed(shelf, ids) }
    }
    try await blocking {
      let hoarder = try HoldTests.hoard(running.port, 0)
      let teller = try BlockingClient(port: running.port, guardSeconds: 20)
      // Each message of the teller is sent to the hoarder's peer as well.
      for _ in 0..<300 {
        #expect(try teller.echo([7]) == [7])
        #expect(try hoarder.receive(exactly: 1) == [7])
      }
    }
    let listed = await group.loops[0].onLoop { $0.streams?.blocked.count ?? 0 }
    #expect(listed <= 2, "\(listed) entries")
    _ = shelf.takeAll(seed: 0)
    running.server.abort()
    _ = try await running.task.value
    await group.shutdown()
    // What it still received when there was room again.
    _ = shelf.takeAll(seed: 0)
    #expect(group.loops[0].memory.slotsOut == 0)
  }

  private final class Listed: ConnectionHandler {
    let shelf: Shelf
    let ids: Locked<[ConnectionID]>
    private var keeps: Bool?

    init(_ shelf: Shelf, _ ids: Locked<[ConnectionID]>) {
      self.shelf = shelf
      self.ids = ids
    }

    func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      if keeps == nil {
        keeps = view.copied()[0] == 1
        let id = connection.id
        if keeps == true { ids.change { $0.append(id) } }
      }
      if keeps == true { return shelf.keep(view, of: 0) }
      if let hoarder = ids.value.first { connection.send(try view.share(), to: hoarder) }
      connection.send(view)
    }
  }
}
