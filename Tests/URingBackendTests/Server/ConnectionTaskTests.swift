import IOBuffers
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The tasks of connections are children of whoever calls `run`: what that brings, and what it must not break.
@Suite(.timeLimit(.minutes(5)))
struct ConnectionTaskTests {
  @TaskLocal static var name = "nobody's"

  // MARK: Task-locals

  @Test func aBodyAndItsTasksSeeTheTaskLocalsOfWhoeverRunsTheServer() async throws {
    let seen = Locked<[String]>([])
    var configuration = TCPServer.Configuration()
    configuration.loops = 2
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await Self.$name.withValue("the caller's") {
        try await server.run(whenListening: whenListening) { connection in
          async let child = Self.name
          let names = await [Self.name, child]
          seen.change { $0 += names }
          while let view = try await connection.receive() { try await connection.send(view) }
        }
      }
    }
    let port = running.port
    try await blocking {
      for _ in 0..<8 {
        let client = try BlockingClient(port: port)
        #expect(try client.echo([1, 2, 3]) == [1, 2, 3])
      }
    }
    try await running.stop()
    #expect(seen.value == Array(repeating: "the caller's", count: 16))
  }

  @Test func aBodyRunsOnItsLoop() async throws {
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        #expect(connection.loop.isCurrent)
        while let view = try await connection.receive() {
          #expect(connection.loop.isCurrent)
          try await connection.send(view)
        }
      }
    }
    let port = running.port
    try await blocking { try EchoSwarm.run(port: port, clients: 4, total: 10_000) }
    try await running.stop()
  }

  // MARK: The end of one connection

  /// The body waits for something else than its connection, and so do its child tasks.
  @Test func theEndOfAConnectionCancelsItsTaskAndThoseBelowAndNoOther() async throws {
    let waiting = Locked(0)
    let ended = Locked(0)
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        guard try await connection.receive(exactly: 1) == [1] else {
          while let view = try await connection.receive() { try await connection.send(view) }
          #expect(!Task.isCancelled)
          return
        }
        waiting.change { $0 += 1 }
        async let child: Void = Self.untilCancelled()
        await Self.untilCancelled()
        await child
        ended.change { $0 += 1 }
      }
    }
    let port = running.port
    let other = try await blocking {
      let other = try BlockingClient(port: port)
      try other.send([0])
      return other
    }
    try await blocking {
      let client = try BlockingClient(port: port)
      try client.send([1])
      // Its body has begun to wait for something else.
      while waiting.value == 0 { sched_yield() }
      try client.reset()
    }
    try await eventually { ended.value == 1 }
    try await blocking {
      #expect(try other.echo([7]) == [7])
      try other.closeOutput()
      #expect(try other.receiveToEnd().isEmpty)
    }
    try await running.stop()
    #expect(ended.value == 1)
  }

  /// Each of them is gone before its task begins, or soon after it.
  @Test func aTaskOfAConnectionThatIsGoneAlreadyIsCancelled() async throws {
    let began = Locked(0)
    let ended = Locked(0)
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { _ in
        began.change { $0 += 1 }
        await Self.untilCancelled()
        ended.change { $0 += 1 }
      }
    }
    let port = running.port
    let count = TestRun.amount(200, short: 50, long: 2000)
    try await blocking {
      for _ in 0..<count {
        let client = try BlockingClient(port: port)
        try client.reset()
      }
    }
    // A reset may also take a connection out of the backlog, which nobody hears of.
    try await eventually { running.server.statistics.connectionsOpen == 0 && ended.value == began.value }
    try await running.stop()
    #expect(ended.value == began.value)
  }

  // MARK: The end of all

  @Test(arguments: [1, 2])
  func cancellingTheRunEndsBodiesWhateverTheyWaitFor(loops: Int) async throws {
    var configuration = TCPServer.Configuration()
    configuration.loops = loops
    configuration.drainTimeout = .seconds(100_000)
    configuration.limits.highWaterBytes = 64 << 10
    // Nothing of it is an error of the user's.
    configuration.onError = { error, _ in Issue.record("\(error)") }
    let ends = Locked<[String]>([])
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        do {
          switch try await connection.receive(exactly: 1) {
          case [0]: _ = try await connection.receive()?.count
          case [1]:
            while true { try await connection.send(try connection.arena.message(Array(repeating: 1, count: 16_384))) }
          case [2]: await Self.untilCancelled()
          default: try await connection.loop.sleep(for: .seconds(100_000))
          }
          ends.change { $0.append("returned") }
        } catch {
          ends.change { $0.append(error is SocketError ? "connection" : "\(type(of: error))") }
          throw error
        }
      }
    }
    let port = running.port
    let clients = try await blocking {
      try (0..<16).map { number in
        let client = try BlockingClient(port: port)
        try client.send([UInt8(number % 4)])
        return client
      }
    }
    try await eventually { running.server.statistics.messages == 16 }
    running.task.cancel()
    try await running.ended()
    try await blocking {
      for client in clients { while !client.isEnded() {} }
    }
    let all = ends.value.sorted()
    #expect(
      all == Array(repeating: "CancellationError", count: 4) + Array(repeating: "connection", count: 8)
        + Array(repeating: "returned", count: 4)
    )
  }

  @Test func cancellingTheRunWhileItDrainsEndsTheDrain() async throws {
    var configuration = TCPServer.Configuration()
    configuration.drainTimeout = .seconds(100_000)
    let host = LoopbackHost.ofItsOwn()
    let running = try await RunningServer.echo(.tasks, configuration, at: host.address())
    let port = running.port
    let client = try await blocking {
      let client = try BlockingClient(port: port, host: host)
      #expect(try client.echo([1]) == [1])
      return client
    }
    running.server.shutdown()
    try await blocking {
      // It drains, and serves who is there.
      while (try? BlockingClient(port: port, host: host)) != nil {}
      let echoed = try client.echo([2])
      #expect(echoed == [2])
    }
    running.task.cancel()
    try await running.ended()
    try await blocking { #expect(client.isEnded()) }
  }

  /// The server does not return before the last of them has ended, and they are not cancelled by a graceful stop.
  @Test func aGracefulStopWaitsForBodiesAndDoesNotCancelThem() async throws {
    let gate = Gate()
    let ended = Locked(false)
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        await connection.waitUntilStopping()
        await gate.wait()
        #expect(!Task.isCancelled)
        ended.change { $0 = true }
      }
    }
    let port = running.port
    let client = try await blocking { try BlockingClient(port: port) }
    try await eventually { running.server.statistics.connectionsOpen == 1 }
    running.server.shutdown()
    try await eventually { gate.count == 1 }
    gate.open()
    try await running.stop()
    #expect(ended.value)
    try await blocking { #expect(client.isEnded()) }
  }

  // MARK: Many at once

  @Test(arguments: [1, 2])
  func aBurstOfConnectionsIsServed(loops: Int) async throws {
    let count = TestRun.amount(1000, short: 200, long: 4000)
    var configuration = TCPServer.Configuration()
    configuration.loops = loops
    configuration.backlog = 4096
    let running = try await RunningServer.echo(.tasks, configuration)
    let port = running.port
    try await blocking {
      let clients = try (0..<count).map { _ in try BlockingClient(port: port) }
      for client in clients { try client.send([1, 2, 3]) }
      for client in clients { #expect(try client.receive(exactly: 3) == [1, 2, 3]) }
    }
    let summary = try await running.stop()
    #expect(summary.totals.connectionsOpened == UInt64(count) && summary.totals.connectionsClosed == UInt64(count))
  }

  @Test func aBurstAtTheConnectionLimitIsServedInTurn() async throws {
    let count = TestRun.amount(500, short: 100, long: 2000)
    var configuration = TCPServer.Configuration()
    configuration.loops = 2
    configuration.maximumConnections = 20
    let running = try await RunningServer.echo(.tasks, configuration)
    let port = running.port
    try await blocking {
      let clients = try (0..<count).map { _ in try BlockingClient(port: port) }
      for client in clients { try client.send([1, 2, 3]) }
      for client in clients { try client.closeOutput() }
      for client in clients { #expect(try client.receiveToEnd() == [1, 2, 3]) }
    }
    let summary = try await running.stop()
    #expect(summary.totals.connectionsOpened == UInt64(count))
  }

  /// Whoever was accepted has a body, and each of these ends.
  @Test(arguments: ["shutdown", "abort", "cancel"])
  func aStopInTheMiddleOfABurstLeavesNobodyBehind(stop: String) async throws {
    let began = Locked(0)
    let ended = Locked(0)
    var configuration = TCPServer.Configuration()
    configuration.loops = 2
    configuration.backlog = 4096
    let host = LoopbackHost.ofItsOwn()
    let rounds = TestRun.amount(5, short: 2, long: 50)
    for round in 0..<rounds {
      let running = try await RunningServer.start(configuration, at: host.address()) { server, whenListening in
        try await server.run(whenListening: whenListening) { connection in
          began.change { $0 += 1 }
          defer { ended.change { $0 += 1 } }
          while let view = try await connection.receiveUnlessStopping() { try await connection.send(view) }
        }
      }
      let port = running.port
      let clients = Task {
        try await blocking {
          var clients: [BlockingClient] = []
          while clients.count < 1000, let client = try? BlockingClient(port: port, host: host, guardSeconds: 2) {
            clients.append(client)
          }
          // Where the listener is closed while a handshake ends, the kernel may forget the connection and not say so: the
          // client hears of it when it sends.
          for client in clients { while !client.isEnded() { try? client.send([1]) } }
        }
      }
      while running.server.statistics.connectionsOpened < UInt64(round * 50) { await Task.yield() }
      switch stop {
      case "shutdown": running.server.shutdown()
      case "abort": running.server.abort()
      default: running.task.cancel()
      }
      let summary = try await running.ended()
      #expect(summary.totals.connectionsOpened == summary.totals.connectionsClosed)
      _ = try? await clients.value
    }
    #expect(began.value == ended.value)
  }

  private static func untilCancelled() async {
    while !Task.isCancelled { try? await Task.sleep(for: .seconds(1000)) }
  }
}
