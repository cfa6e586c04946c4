import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What goes wrong on one connection stays on it, and calls come from wherever their tasks run.
@Suite(.timeLimit(.minutes(5)))
struct ErrorTests {
  struct Deliberate: Error {}

  /// Throws in the call that the first byte names.
  struct Thrower: ConnectionHandler {
    var place: UInt8 = 0

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      if place == 0 {
        place = view.copied()[0]
        if place == 1 { throw Deliberate() }
      }
      connection.send(view)
    }

    mutating func inputEnded(_ connection: borrowing ConnectionContext) throws {
      if place == 2 { throw Deliberate() }
      connection.close()
    }
  }

  @Test func aHandlerThatThrowsClosesItsOwnConnectionAndNoOther() async throws {
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { Thrower() }
    }
    let port = running.port
    try await blocking {
      let bystander = try BlockingClient(port: port)
      #expect(try bystander.echo([3]) == [3])
      let first = try BlockingClient(port: port)
      try first.send([1])
      #expect(first.isEnded())
      let second = try BlockingClient(port: port)
      #expect(try second.echo([2]) == [2])
      try second.closeOutput()
      #expect(second.isEnded())
      try EchoSwarm.run([EchoExchange(bystander, total: 50_000, seed: 1)])
    }
    let summary = try await running.stop()
    #expect(summary.totals.handlerErrors == 2 && summary.totals.connectionsClosed == 3)
  }

  @Test func aHandlerThatCannotBeMadeClosesItsOwnConnectionAndNoOther() async throws {
    let count = Locked(0)
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) {
        let number = count.withLock { count in
          count += 1
          return count
        }
        if number == 2 { throw Deliberate() }
        return EchoHandler()
      }
    }
    let port = running.port
    try await blocking {
      let first = try BlockingClient(port: port)
      #expect(try first.echo([1]) == [1])
      let second = try BlockingClient(port: port)
      #expect(second.isEnded())
      #expect(try first.echo([2]) == [2])
    }
    let summary = try await running.stop()
    #expect(summary.totals.handlerErrors == 1)
  }

  @Test func aTaskThatThrowsClosesItsOwnConnectionAndNoOther() async throws {
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        while let view = try await connection.receive() {
          if view.copied()[0] == 1 { throw Deliberate() }
          try await connection.send(view)
        }
      }
    }
    let port = running.port
    try await blocking {
      let bystander = try BlockingClient(port: port)
      #expect(try bystander.echo([3]) == [3])
      let victim = try BlockingClient(port: port)
      #expect(try victim.echo([2]) == [2])
      try victim.send([1])
      #expect(victim.isEnded())
      #expect(try bystander.echo([4]) == [4])
    }
    let summary = try await running.stop()
    #expect(summary.totals.handlerErrors == 1 && summary.totals.connectionsClosed == 2)
  }

  @Test func aTaskThatReturnsEarlyClosesGracefullyAfterWhatItQueued() async throws {
    let reply = Pattern(seed: 6).bytes(count: 500_000)
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        _ = try await connection.receive()?.count
        try await connection.send(try connection.arena.message(reply))
      }
    }
    let port = running.port
    try await blocking {
      for _ in 0..<10 {
        let client = try BlockingClient(port: port)
        // More than the server reads: closing on unread bytes would reset the connection and destroy the reply.
        try client.send(Pattern().bytes(count: 20_000))
        #expect(try client.receiveToEnd() == reply)
      }
    }
    try await running.stop()
  }

  @Test func aSecondReceiverIsToldThatTheConnectionIsBusy() async throws {
    let running = try await RunningServer.echo(.handlers)
    let loop = try EventLoop.start()
    let connection = try await TCPConnection.connect(to: running.address, on: loop)
    let first = Task(executorPreference: loop) { try await connection.receive()?.copied() }
    try await eventually { await loop.onLoop { _ in connection.hasReceiver } }
    await #expect(throws: SocketError(.busy, .receive, peer: running.address)) {
      _ = try await connection.receive()?.count
    }
    try await connection.send(try loop.arena.message([1]))
    #expect(try await first.value == [1])
    await connection.close()
    await loop.shutdown()
    try await running.stop()
  }

  /// Neither the sender nor the receiver runs on the loop: every call hops there and back.
  @Test func callsFromForeignTasksWork() async throws {
    let running = try await RunningServer.echo(.tasks)
    let loop = try EventLoop.start()
    let rounds = TestRun.amount(300, short: 50, long: 5000)
    try await withThrowingTaskGroup { group in
      for seed in 0..<4 {
        group.addTask {
          let connection = try await TCPConnection.connect(to: running.address, on: loop)
          for round in 0..<rounds {
            #expect(!loop.isCurrent)
            let bytes = Pattern(seed: seed).bytes(at: round, count: 100)
            try await connection.send(try loop.arena.message(bytes))
            #expect(try await connection.receive(exactly: 100) == bytes)
          }
          await connection.closeOutput()
          #expect(try await connection.receive()?.count == nil)
          await connection.close()
        }
      }
      try await group.waitForAll()
    }
    await loop.shutdown()
    #expect(loop.memory.slotsOut == 0)
    try await running.stop()
  }

  /// Each `send` stays in one piece, however many tasks send at a time.
  @Test func whatOneTaskSendsIsNotCutByAnother() async throws {
    let listener = try PlainListener()
    let loop = try EventLoop.start()
    let connection = try await TCPConnection.connect(to: .loopback(port: listener.port), on: loop)
    let peer = try await blocking { try listener.accept() }
    let senders = 8
    let rounds = 50
    async let received = blocking { try peer.receiveToEnd() }
    try await withThrowingTaskGroup { group in
      for sender in 0..<senders {
        group.addTask(executorPreference: sender % 2 == 0 ? loop : nil) {
          for _ in 0..<rounds {
            let bytes = [UInt8](repeating: UInt8(sender), count: 1000)
            try await connection.send(try loop.arena.message(bytes))
          }
        }
      }
      try await group.waitForAll()
    }
    await connection.closeOutput()
    let bytes = try await received
    #expect(bytes.count == senders * rounds * 1000)
    let pieces = stride(from: 0, to: bytes.count, by: 1000).map { Set(bytes[$0..<min($0 + 1000, bytes.count)]) }
    #expect(pieces.allSatisfy { $0.count == 1 })
    peer.close()
    await connection.close()
    await loop.shutdown()
  }

  @Test func aClosedConnectionRefusesEveryCall() async throws {
    let running = try await RunningServer.echo(.handlers)
    let loop = try EventLoop.start()
    let connection = try await TCPConnection.connect(to: running.address, on: loop)
    await connection.close()
    await connection.close()
    await connection.abort()
    await connection.closeOutput()
    await #expect(throws: SocketError(.closed, .receive, peer: running.address)) {
      _ = try await connection.receive()?.count
    }
    await #expect(throws: SocketError(.closed, .send, peer: running.address)) {
      try await connection.send(try loop.arena.message([1]))
    }
    await loop.shutdown()
    #expect(loop.memory.slotsOut == 0)
    try await running.stop()
  }

  @Test func afterTheHalfCloseSendingIsRefusedAndReceivingGoesOn() async throws {
    let running = try await RunningServer.echo(.tasks)
    let loop = try EventLoop.start()
    let connection = try await TCPConnection.connect(to: running.address, on: loop)
    try await connection.send(try loop.arena.message([1, 2]))
    await connection.closeOutput()
    await #expect(throws: SocketError(.closed, .send, peer: running.address)) {
      try await connection.send(try loop.arena.message([3]))
    }
    #expect(try await connection.receive(exactly: 3) == [1, 2])
    await connection.close()
    await loop.shutdown()
    #expect(loop.memory.slotsOut == 0)
    try await running.stop()
  }

  @Test func aConnectionThatNobodyHoldsCloses() async throws {
    let running = try await RunningServer.echo(.handlers)
    let loop = try EventLoop.start()
    for _ in 0..<5 { _ = try await TCPConnection.connect(to: running.address, on: loop) }
    try await eventually { loop.statistics.connectionsClosed == 5 }
    await loop.shutdown()
    try await running.stop()
  }
}

extension TCPConnection {
  /// Whether a task waits in `receive`. Loop thread only.
  var hasReceiver: Bool {
    guard let index = engine.find(id) else { return false }
    return unsafe sink.states[index].receiver != nil
  }

  /// Whether `send` suspends. Loop thread only.
  var isAboveHighWater: Bool { engine.find(id).map { engine.records[$0].machine.isAboveHighWater } ?? false }
}
