import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A graceful stop that connections hear of: whoever is between messages ends at once, and nothing that was asked before is
/// left unanswered. FAULTS B11.
@Suite(.timeLimit(.minutes(3)))
struct StoppingTests {
  /// Nobody may need it.
  private static var configuration: TCPServer.Configuration {
    var configuration = TCPServer.Configuration()
    configuration.drainTimeout = .seconds(50)
    return configuration
  }

  /// Closes when the server stops, between messages.
  private struct Polite: ConnectionHandler {
    let told: Locked<Int>

    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
      connection.send(view)
    }

    mutating func stopping(_ connection: borrowing ConnectionContext) {
      told.change { $0 += 1 }
      connection.close()
    }
  }

  enum Service: CaseIterable {
    case handler
    case receiveUnlessStopping
    case isStopping
    case waitUntilStopping
  }

  private static func start(_ service: Service, _ told: Locked<Int> = Locked(0)) async throws -> RunningServer {
    try await RunningServer.start(configuration) { server, whenListening in
      switch service {
      case .handler:
        try await server.run(whenListening: whenListening) { Polite(told: told) }
      case .receiveUnlessStopping:
        try await server.run(whenListening: whenListening) { connection in
          while let view = try await connection.receiveUnlessStopping() { try await connection.send(view) }
          told.change { $0 += 1 }
        }
      case .isStopping:
        try await server.run(whenListening: whenListening) { connection in
          while !connection.isStopping {
            do throws(SocketError) {
              guard let view = try await connection.receive(timeout: .milliseconds(20)) else { return }
              try await connection.send(view)
            } catch {
              guard error.kind == .timedOut else { throw error }
            }
          }
          told.change { $0 += 1 }
        }
      case .waitUntilStopping:
        try await server.run(whenListening: whenListening) { connection in
          try await withThrowingTaskGroup { group in
            group.addTask {
              while let view = try await connection.receive() { try await connection.send(view) }
            }
            group.addTask {
              await connection.waitUntilStopping()
              told.change { $0 += 1 }
            }
            try await group.next()
            group.cancelAll()
          }
        }
      }
    }
  }

  @Test(arguments: Service.allCases)
  func idleConnectionsEndAtOnceWithAnEndOfStream(service: Service) async throws {
    let told = Locked(0)
    let running = try await StoppingTests.start(service, told)
    let clients = try await blocking {
      let clients = try (0..<20).map { _ in try BlockingClient(port: running.port, guardSeconds: 20) }
      for client in clients { #expect(try client.echo([1, 2]) == [1, 2]) }
      return clients
    }
    running.server.shutdown()
    let ends = try await blocking { try clients.map { try $0.end() } }
    #expect(ends.allSatisfy { $0 == .endOfStream })
    let start = ContinuousClock.now
    for client in clients { client.close() }
    let summary = try await running.ended()
    // Far below the drain time, which is what it took before.
    #expect(ContinuousClock.now - start < .seconds(20))
    #expect(told.value == 20 && summary.totals.connectionsOpened == 20 && summary.totals.handlerErrors == 0)
  }

  /// A peer that owes nothing and never ends its side does not hold the stop up for long either.
  @Test(arguments: [Service.handler, .receiveUnlessStopping])
  func peersThatDoNotEndTheirSideAreNotWaitedForLong(service: Service) async throws {
    let running = try await StoppingTests.start(service)
    let client = try await blocking {
      let client = try BlockingClient(port: running.port, guardSeconds: 20)
      #expect(try client.echo([1]) == [1])
      return client
    }
    running.server.shutdown()
    let start = ContinuousClock.now
    try await running.ended()
    #expect(ContinuousClock.now - start < .seconds(20))
    client.close()
  }

  /// What arrived before the stop is answered.
  @Test func whatArrivedBeforeTheStopIsAnswered() async throws {
    let gate = Gate()
    let running = try await RunningServer.start(StoppingTests.configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        await gate.wait()
        while !connection.isStopping { try await connection.loop.sleep(for: .milliseconds(1)) }
        while let view = try await connection.receiveUnlessStopping() { try await connection.send(view) }
      }
    }
    let client = try await blocking {
      let client = try BlockingClient(port: running.port, guardSeconds: 20)
      try client.send(Pattern().bytes(count: 5000))
      while running.server.statistics.bytesReceived < 5000 { usleep(1000) }
      return client
    }
    running.server.shutdown()
    gate.open()
    let received = try await blocking { try client.receiveToEnd() }
    #expect(received == Pattern().bytes(count: 5000))
    client.close()
    try await running.ended()
  }

  /// Told once each, and those that come after the stop has begun are told at once.
  @Test func aHandlerIsToldOnce() async throws {
    let told = Locked<[String]>([])
    let running = try await RunningServer.start(StoppingTests.configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { Noter(told: told) }
    }
    let clients = try await blocking {
      let clients = try (0..<5).map { _ in try BlockingClient(port: running.port, guardSeconds: 20) }
      for client in clients { #expect(try client.echo([1]) == [1]) }
      return clients
    }
    running.server.shutdown()
    running.server.shutdown()
    #expect(try await comesTrue { told.value.count(where: { $0 == "stopping" }) == 5 })
    try await blocking {
      // Still served: none of them closes by itself.
      for client in clients { #expect(try client.echo([2]) == [2]) }
      for client in clients {
        try client.closeOutput()
        #expect(try client.receiveToEnd().isEmpty)
      }
    }
    try await running.ended()
    #expect(told.value.count { $0 == "stopping" } == 5)
    #expect(told.value.count { $0 == "opened" } == 5)
  }

  private struct Noter: ConnectionHandler {
    let told: Locked<[String]>

    mutating func opened(_ connection: borrowing ConnectionContext) { told.change { $0.append("opened") } }
    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
      connection.send(view)
    }
    mutating func stopping(_ connection: borrowing ConnectionContext) { told.change { $0.append("stopping") } }
  }

  /// A handler that throws when it is told is an error of user code, as everywhere.
  @Test func whatStoppingThrowsIsAnError() async throws {
    struct Deliberate: Error {}
    struct Thrower: ConnectionHandler {
      mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
        connection.send(view)
      }
      mutating func stopping(_ connection: borrowing ConnectionContext) throws { throw Deliberate() }
    }
    let running = try await RunningServer.start(StoppingTests.configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { Thrower() }
    }
    let client = try await blocking {
      let client = try BlockingClient(port: running.port, guardSeconds: 20)
      #expect(try client.echo([1]) == [1])
      return client
    }
    running.server.shutdown()
    let end = try await blocking { try client.end() }
    #expect(end == .reset)
    let summary = try await running.ended()
    #expect(summary.totals.handlerErrors == 1)
  }

  @Test func waitUntilStoppingEndsWithTheConnectionAndTheTask() async throws {
    let ends = Locked<[String]>([])
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        if try await connection.receive()?.copied() == [1] { cancelOwnTask() }
        await connection.waitUntilStopping()
        ends.change { $0.append("\(Task.isCancelled) \(connection.isStopping)") }
      }
    }
    try await blocking {
      for byte in [UInt8(1), 2] {
        let client = try BlockingClient(port: running.port, guardSeconds: 20)
        try client.send([byte])
        while running.server.statistics.bytesReceived < UInt64(byte) { usleep(1000) }
        // The second one is reset, which ends the connection.
        if byte == 2 { try client.reset() } else { #expect(try client.receiveToEnd().isEmpty) }
      }
    }
    try await running.settles()
    try await running.stop()
    #expect(ends.value == ["true false", "true false"])
  }
}
