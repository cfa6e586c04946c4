import IOBuffers
import Synchronization
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// One message to many connections on several loops: everybody gets it, whole, in order and once, and nobody waits for who is slow.
@Suite(.timeLimit(.minutes(3)))
struct BroadcastTests {
  /// Sends what it receives to all others.
  private struct Member: ConnectionHandler {
    let room: Broadcast

    mutating func opened(_ connection: borrowing ConnectionContext) { room.add(connection) }

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
      room.send(view, except: connection.id)
    }
  }

  private func serve(
    _ mode: ServerMode,
    _ room: Broadcast,
    loops: Int = 2,
    _ configure: (inout TCPServer.Configuration) -> Void = { _ in }
  ) async throws -> RunningServer {
    var configuration = TCPServer.Configuration()
    configuration.loops = loops
    configure(&configuration)
    return try await RunningServer.start(configuration) { server, whenListening in
      switch mode {
      case .tasks:
        try await server.run(whenListening: whenListening) { connection in
          room.add(connection)
          while let view = try await connection.receive() { room.send(view, except: connection.id) }
        }
      case .handlers:
        try await server.run(whenListening: whenListening) { Member(room: room) }
      }
    }
  }

  /// Connects so many, and waits until all are members.
  private func connect(_ count: Int, to server: RunningServer, _ room: Broadcast) async throws -> [BlockingClient] {
    let port = server.port
    let clients = try await blocking { try (0..<count).map { _ in try BlockingClient(port: port) } }
    try await eventually { room.memberCount == count }
    return clients
  }

  /// Each of these receives that.
  private func expect(
    _ bytes: [UInt8],
    at clients: [BlockingClient],
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let received = try await blocking { try clients.map { try $0.receive(exactly: bytes.count) } }
    #expect(received.allSatisfy { $0 == bytes }, sourceLocation: sourceLocation)
  }

  @Test(arguments: ServerMode.allCases, [1, 3])
  func everybodyElseGetsEachMessageOnce(mode: ServerMode, loops: Int) async throws {
    let room = Broadcast()
    let running = try await serve(mode, room, loops: loops)
    let clients = try await connect(12, to: running, room)
    try await blocking {
      for (number, client) in clients.enumerated() {
        // A member's messages arrive in its order; those of one are waited for before the next one's.
        let messages = (0..<20).map { Array("\(number)-\($0);".utf8) }
        for message in messages { try client.send(message) }
        let all = messages.flatMap { $0 }
        for (other, receiver) in clients.enumerated() where other != number {
          #expect(try receiver.receive(exactly: all.count) == all)
        }
      }
      // Nothing came back to a sender, and nothing twice.
      for client in clients {
        try client.closeOutput()
        #expect(try client.receiveToEnd().isEmpty)
        client.close()
      }
    }
    #expect(room.missed == 0)
    try await running.settles()
    try await running.stop()
  }

  @Test func aMessageOfSeveralPartsArrivesWhole() async throws {
    let room = Broadcast()
    let running = try await serve(.tasks, room)
    let clients = try await connect(4, to: running, room)
    let arena = try BufferArena()
    let message = Pattern(seed: 7).bytes(count: 5000)
    for _ in 0..<10 {
      var queue = ByteQueue()
      for start in stride(from: 0, to: message.count, by: 700) {
        queue.append(try arena.message(Array(message[start..<min(message.count, start + 700)])))
      }
      // From a thread of nobody's.
      room.send(queue)
    }
    for _ in 0..<10 { try await expect(message, at: clients) }
    for client in clients { client.close() }
    try await running.settles()
    try await eventually { arena.statistics.slotsOut == 0 }
    try await running.stop()
  }

  /// Sends until the broadcast says that somebody missed something.
  private func overfill(
    _ room: Broadcast,
    _ running: RunningServer,
    _ arena: BufferArena,
    beside others: [BlockingClient]
  ) async throws -> Int {
    let part = Pattern(seed: 5).bytes(count: 65_536)
    var sent = 0
    while room.missed == 0 {
      room.send(try arena.message(part))
      sent += 1
      try await expect(part, at: others)
      await passLoops(of: running)
      try #require(sent < 10_000)
    }
    return sent
  }

  @Test(arguments: ServerMode.allCases)
  func whoDoesNotReadIsGivenUpAndTheOthersGoOn(mode: ServerMode) async throws {
    let room = Broadcast(slowMembers: .abort)
    let running = try await serve(mode, room)
    let clients = try await connect(5, to: running, room)
    let arena = try BufferArena()
    _ = try await overfill(room, running, arena, beside: Array(clients.dropFirst()))
    try await blocking {
      #expect(try clients[0].end() == .reset)
      try clients[1].send([1, 2, 3])
      for other in clients.dropFirst(2) { #expect(try other.receive(exactly: 3) == [1, 2, 3]) }
    }
    try await eventually { room.memberCount == 4 }
    #expect(room.missed == 1)
    for client in clients { client.close() }
    try await running.settles()
    try await eventually { arena.statistics.slotsOut == 0 }
    try await running.stop()
  }

  @Test(arguments: ServerMode.allCases)
  func whoDoesNotReadMissesMessagesAndStays(mode: ServerMode) async throws {
    let room = Broadcast(slowMembers: .skip)
    let running = try await serve(mode, room)
    let clients = try await connect(3, to: running, room)
    let arena = try BufferArena()
    let sent = try await overfill(room, running, arena, beside: Array(clients.dropFirst()))
    let part = Pattern(seed: 5).bytes(count: 65_536)
    // All that was not missed, each whole.
    for _ in 0..<sent - 1 { try await expect(part, at: [clients[0]]) }
    // It has caught up, and is sent to again.
    let missed = room.missed
    var caughtUp = false
    while !caughtUp {
      let before = room.missed
      room.send(try arena.message([9]))
      await passLoops(of: running)
      caughtUp = room.missed == before
    }
    try await expect([9], at: [clients[0]])
    #expect(room.memberCount == 3 && room.missed >= missed)
    for client in clients { client.close() }
    try await running.settles()
    try await running.stop()
  }

  private func loops(of running: RunningServer) -> [EventLoop] {
    if case .serving(let serving) = running.server.life.withLock({ $0 }) { return serving.loops }
    return []
  }

  /// Returns when what was sent before has been sent on every loop.
  private func passLoops(of running: RunningServer) async {
    for loop in loops(of: running) { await loop.onLoop { _ in } }
  }

  /// What is sent in one turn was offered to nobody yet: it says nothing about who gets it.
  @Test(arguments: ServerMode.allCases)
  func aBurstBeyondTheMarkReachesWhoReads(mode: ServerMode) async throws {
    let room = Broadcast(slowMembers: .abort)
    let running = try await serve(mode, room, loops: 1) { $0.limits.highWaterBytes = 1024 }
    let clients = try await connect(3, to: running, room)
    let arena = try BufferArena()
    let message = Pattern(seed: 8).bytes(count: 500)
    try await loops(of: running)[0].onLoop { _ in Result { for _ in 0..<50 { room.send(try arena.message(message)) } } }
      .get()
    for _ in 0..<50 { try await expect(message, at: clients) }
    #expect(room.missed == 0 && room.memberCount == 3)
    for client in clients { client.close() }
    try await running.settles()
    try await running.stop()
  }

  /// A loop that does not come round keeps so many messages, and no more.
  @Test func aBusyLoopOwesABoundedNumberOfMessages() async throws {
    let room = Broadcast(slowMembers: .skip, pendingMessages: 10)
    let running = try await serve(.tasks, room, loops: 1)
    let clients = try await connect(2, to: running, room)
    let loop = try #require(loops(of: running).first)
    let arena = try BufferArena()
    let isHeld = Atomic<Bool>(false)
    let mayGoOn = Atomic<Bool>(false)
    loop.execute {
      isHeld.store(true, ordering: .releasing)
      while !mayGoOn.load(ordering: .acquiring) { sched_yield() }
    }
    try await eventually { isHeld.load(ordering: .acquiring) }
    for number: UInt8 in 0..<25 { room.send(try arena.message([number])) }
    // 15 messages to 2 members.
    #expect(room.missed == 30)
    mayGoOn.store(true, ordering: .releasing)
    try await expect(Array(0..<10), at: clients)
    // It goes on as if nothing had been.
    room.send(try arena.message([99]))
    try await expect([99], at: clients)
    for client in clients { client.close() }
    try await running.settles()
    try await eventually { arena.statistics.slotsOut == 0 }
    try await running.stop()
  }

  @Test func whoLeavesGetsNothingMore() async throws {
    let room = Broadcast()
    let leaving = Locked<[TCPConnection]>([])
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        room.add(connection)
        // Twice is once.
        room.add(connection)
        leaving.change { $0.append(connection) }
        while let view = try await connection.receive() { room.send(view) }
      }
    }
    let clients = try await connect(2, to: running, room)
    let connections = leaving.value
    leaving.change { $0 = [] }
    room.remove(connections[0])
    room.remove(connections[0])
    try await eventually { room.memberCount == 1 }
    let arena = try BufferArena()
    room.send(try arena.message([7]))
    room.remove(connections[1])
    room.send(try arena.message([8]))
    running.server.shutdown()
    try await blocking {
      let received = try clients.map { client in
        try client.closeOutput()
        return try client.receiveToEnd()
      }
      #expect(received.sorted { $0.count < $1.count } == [[], [7]])
    }
    try await running.ended()
    // The loop has ended: nobody is there, nothing is kept, nothing traps.
    room.send(try arena.message([9]))
    room.add(connections[0])
    #expect(room.memberCount == 0)
    try await eventually { arena.statistics.slotsOut == 0 }
  }

  /// Connections come and go while messages go out, on a room in which nobody notices that they are gone.
  @Test func thoseThatAreGoneAreForgottenWithoutAMessage() async throws {
    let room = Broadcast()
    let running = try await serve(.tasks, room, loops: 1)
    let port = running.port
    try await blocking {
      for _ in 0..<300 {
        let client = try BlockingClient(port: port)
        try client.closeOutput()
        #expect(try client.receiveToEnd().isEmpty)
        client.close()
      }
    }
    try await running.settles()
    // Not 300: what is found when there are too many.
    #expect(room.memberCount <= 64)
    try await running.stop()
  }

  /// From several threads at a time, members coming and going.
  @Test(arguments: ServerMode.allCases)
  func sendingFromEverywhereLosesNothing(mode: ServerMode) async throws {
    let room = Broadcast(slowMembers: .skip, pendingMessages: 1 << 20)
    let running = try await serve(mode, room)
    let clients = try await connect(4, to: running, room)
    let arena = try BufferArena()
    let port = running.port
    async let others: Void = blockingThreads(3) { number in
      for _ in 0..<500 { room.send(try arena.message([UInt8(number)])) }
    }
    async let passers: Void = blocking {
      for _ in 0..<30 {
        let client = try BlockingClient(port: port)
        try client.reset()
      }
    }
    let received = try await blocking { try clients.map { try $0.receive(exactly: 1500) } }
    try await others
    try await passers
    for bytes in received {
      for number: UInt8 in 0..<3 { #expect(bytes.count { $0 == number } == 500) }
    }
    #expect(room.missed == 0)
    for client in clients { client.close() }
    try await running.settles()
    try await running.stop()
  }
}
