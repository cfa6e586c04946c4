import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a task that receives hears when its connection, or it itself, comes to an end. FAULTS B3, B10.
@Suite(.timeLimit(.minutes(3)))
struct ReceiveEndTests {
  enum Call: CaseIterable {
    case receive
    case receiveWithDeadline
    case receiveUnlessStopping

    func run(_ connection: TCPConnection) async throws -> [UInt8]? {
      switch self {
      case .receive: try await connection.receive()?.copied()
      case .receiveWithDeadline: try await connection.receive(timeout: .seconds(1000))?.copied()
      case .receiveUnlessStopping: try await connection.receiveUnlessStopping()?.copied()
      }
    }
  }

  /// What a call came to.
  enum Outcome: Equatable, Sendable {
    case bytes([UInt8])
    case end
    case failed(SocketError.Kind)

    static func of(_ call: () async throws -> [UInt8]?) async -> Outcome {
      do {
        return try await call().map { .bytes($0) } ?? .end
      } catch let error as SocketError {
        return .failed(error.kind)
      } catch {
        return .failed(.invalidAddress)
      }
    }
  }

  /// The peer ends nothing before the call has returned.
  @Test(arguments: Call.allCases, [true, false])
  func whoWaitsForBytesHearsAtOnceThatAnotherTaskCloses(call: Call, onLoop: Bool) async throws {
    let listener = try PlainListener()
    let loop = try EventLoop.start()
    let connection = try await TCPConnection.connect(to: .loopback(port: listener.port), on: loop)
    let peer = try await blocking { try listener.accept() }
    let waiting = Task(executorPreference: onLoop ? loop : nil) {
      await Outcome.of { try await call.run(connection) }
    }
    try await eventually { await loop.onLoop { _ in connection.hasReceiver } }
    let closing = Task { await connection.close() }
    #expect(await waiting.value == .failed(.closed))
    // What arrives from here on is no end of stream either.
    try await blocking { try peer.send([1, 2, 3]) }
    #expect(await Outcome.of { try await call.run(connection) } == .failed(.closed))
    try await blocking {
      let rest = try peer.receiveToEnd()
      #expect(rest.isEmpty)
      peer.close()
    }
    await closing.value
    #expect(await Outcome.of { try await call.run(connection) } == .failed(.closed))
    await loop.shutdown()
    #expect(loop.memory.slotsOut == 0)
  }

  /// The same in a server, in both directions: the body waits and its child closes; the child waits and the body closes.
  @Test(arguments: Call.allCases, [true, false])
  func inABodyItIsTheSame(call: Call, childCloses: Bool) async throws {
    let outcome = Locked<Outcome?>(nil)
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        await withTaskGroup { group in
          group.addTask(executorPreference: connection.loop) {
            if childCloses {
              while !connection.hasReceiver { await Task.yield() }
              await connection.close()
            } else {
              let result = await Outcome.of { try await call.run(connection) }
              outcome.change { $0 = result }
            }
          }
          if childCloses {
            let result = await Outcome.of { try await call.run(connection) }
            outcome.change { $0 = result }
          } else {
            while !connection.hasReceiver { await Task.yield() }
            await connection.close()
          }
        }
      }
    }
    try await blocking {
      let client = try BlockingClient(port: running.port, guardSeconds: 20)
      while outcome.value == nil { usleep(1000) }
      #expect(try client.receiveToEnd().isEmpty)
    }
    #expect(outcome.value == .failed(.closed))
    try await running.settles()
    let summary = try await running.stop()
    #expect(summary.totals.handlerErrors == 0)
  }

  /// Bytes that came before the close, and that nobody had taken, are not handed out after it.
  @Test func afterTheCloseNothingIsHandedOut() async throws {
    let seen = Locked<Outcome?>(nil)
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        while connection.loop.statistics.bytesReceived < 5 { try await connection.loop.sleep(for: .milliseconds(1)) }
        let closing = Task(executorPreference: connection.loop) { await connection.close() }
        try await connection.loop.sleep(for: .milliseconds(20))
        let result = await Outcome.of { try await connection.receive()?.copied() }
        seen.change { $0 = result }
        await closing.value
      }
    }
    try await blocking {
      let client = try BlockingClient(port: running.port, guardSeconds: 20)
      try client.send([1, 2, 3, 4, 5])
      #expect(try client.receiveToEnd().isEmpty)
    }
    try await running.settles()
    try await running.stop()
    #expect(seen.value == .failed(.closed))
  }

  // MARK: Tasks that cancel themselves

  @Test(arguments: Call.allCases)
  func aBodyThatCancelsItselfDoesNotWait(call: Call) async throws {
    let outcomes = Locked<[Outcome]>([])
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        cancelOwnTask()
        while connection.loop.statistics.bytesReceived < 2 { await Task.yield() }
        // What is there is handed out; only a wait would be in vain.
        for _ in 0..<3 {
          let outcome = await Outcome.of { try await call.run(connection) }
          outcomes.change { $0.append(outcome) }
        }
        try await connection.send(try connection.arena.message([9]))
      }
    }
    try await blocking {
      let client = try BlockingClient(port: running.port, guardSeconds: 20)
      try client.send([1, 2])
      #expect(try client.receiveToEnd() == [9])
    }
    try await running.settles()
    try await running.stop()
    let cancelled = Outcome.failed(.cancelled)
    // A call with a deadline may see its cancellation first; nothing is lost by that.
    let expected = [[.bytes([1, 2]), cancelled, cancelled], [cancelled, cancelled, cancelled]]
    #expect(expected[..<(call == .receiveWithDeadline ? 2 : 1)].contains(outcomes.value))
  }

  @Test func aBodyThatCancelsItselfWhileItWaitsInAChildGoesOn() async throws {
    let outcome = Locked<Outcome?>(nil)
    let running = try await RunningServer.start { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        async let child = Outcome.of { try await connection.receive()?.copied() }
        while !connection.hasReceiver { await Task.yield() }
        cancelOwnTask()
        let result = await child
        outcome.change { $0 = result }
      }
    }
    try await blocking {
      let client = try BlockingClient(port: running.port, guardSeconds: 20)
      #expect(try client.receiveToEnd().isEmpty)
    }
    try await running.settles()
    try await running.stop()
    #expect(outcome.value == .failed(.cancelled))
  }

  /// Nobody reads: above the high-water mark a cancelled task is told so, instead of waiting for its peer.
  @Test func aBodyThatCancelsItselfDoesNotWaitForRoom() async throws {
    var configuration = TCPServer.Configuration()
    configuration.options.sendBufferBytes = 8192
    let outcome = Locked<Outcome?>(nil)
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        cancelOwnTask()
        let result = await Outcome.of {
          for _ in 0..<100 { try await connection.send(try connection.arena.message(Pattern().bytes(count: 50_000))) }
          return nil
        }
        outcome.change { $0 = result }
      }
    }
    let client = try BlockingClient(port: running.port, bufferBytes: 8192)
    #expect(try await comesTrue(within: .seconds(5)) { outcome.value != nil }, "it waits for a peer that does not read")
    try client.reset()
    try await running.settles()
    try await running.stop()
    #expect(outcome.value == .failed(.cancelled))
  }

  // MARK: Who is cancelled

  enum Ending: CaseIterable {
    case reset
    case idle
    case ownCloseAndPeerEnds
    case ownCloseAndPeerResets
    case ownAbort
    case endOfStream
  }

  /// A body is cancelled when its connection is over, and not when it closes the connection itself.
  @Test(arguments: Ending.allCases)
  func aBodyIsCancelledWhenItsConnectionIsOver(ending: Ending) async throws {
    var configuration = TCPServer.Configuration()
    if ending == .idle { configuration.limits.idleTimeout = .milliseconds(30) }
    let wasCancelled = Locked<Bool?>(nil)
    let hasBegun = Locked(false)
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        hasBegun.change { $0 = true }
        switch ending {
        case .ownCloseAndPeerEnds, .ownCloseAndPeerResets: await connection.close()
        case .ownAbort: await connection.abort()
        case .reset, .idle, .endOfStream: break
        }
        // Long enough for whatever is to come.
        try? await connection.loop.sleep(for: [.reset, .idle].contains(ending) ? .seconds(100) : .milliseconds(50))
        wasCancelled.change { $0 = Task.isCancelled }
      }
    }
    try await blocking {
      let client = try BlockingClient(port: running.port, guardSeconds: 20)
      while !hasBegun.value { usleep(1000) }
      switch ending {
      case .reset: try client.reset()
      case .endOfStream: try client.closeOutput()
      case .ownCloseAndPeerResets:
        #expect(try client.receiveToEnd().isEmpty)
        try client.reset()
      case .ownCloseAndPeerEnds, .idle, .ownAbort: _ = client.isEnded()
      }
      client.close()
    }
    #expect(try await comesTrue { wasCancelled.value != nil })
    try await running.settles()
    try await running.stop()
    #expect(wasCancelled.value == [.reset, .idle].contains(ending))
  }
}

/// As a child of the body could do with a task handle that it was given.
func cancelOwnTask() {
  unsafe withUnsafeCurrentTask { task in unsafe task?.cancel() }
}
