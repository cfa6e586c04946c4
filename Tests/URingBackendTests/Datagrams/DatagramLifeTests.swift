import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

/// How waiting for datagrams ends, and how sockets do.
@Suite(.timeLimit(.minutes(2)))
struct DatagramLifeTests {
  @Test(arguments: DatagramLoop.allCases, Place.allCases)
  func aCancelledReceiveLosesNothing(kind: DatagramLoop, place: Place) async throws {
    try await kind.run { loop in
      let socket = try await DatagramSocket.bind(to: .loopback(port: 0), on: loop)
      let waiting = Task(executorPreference: place == .onTheLoop ? loop : nil) { try await socket.receiveBytes() }
      try await Task.sleep(for: .milliseconds(5))
      waiting.cancel()
      let error = await #expect(throws: SocketError.self) { _ = try await waiting.value }
      #expect(error?.kind == .cancelled)
      let address = socket.localAddress
      try await blocking { try BlockingDatagramClient(connectedTo: address).send([4]) }
      #expect(try await socket.receiveBytes() == [4])
    }
  }

  @Test(arguments: DatagramLoop.allCases)
  func aReceiveEndsWhenItsTimeIsOver(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let socket = try await DatagramSocket.bind(to: .loopback(port: 0), on: loop)
      let error = await #expect(throws: SocketError.self) {
        _ = try await socket.receive(timeout: .milliseconds(5))
      }
      #expect(error?.kind == .timedOut)
      let address = socket.localAddress
      try await blocking { try BlockingDatagramClient(connectedTo: address).send([4]) }
      #expect(try await socket.receiveBytes() == [4])
      // Two at a time: the second one is told.
      let first = Task { try await socket.receiveBytes() }
      try await Task.sleep(for: .milliseconds(5))
      let busy = await #expect(throws: SocketError.self) { _ = try await socket.receiveBytes() }
      #expect(busy?.kind == .busy)
      first.cancel()
      _ = try? await first.value
    }
  }

  @Test(arguments: DatagramLoop.allCases)
  func aCloseWakesWhoWaits(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let socket = try await DatagramSocket.bind(to: .loopback(port: 0), on: loop)
      let waiting = Task { try await socket.isOver() }
      try await Task.sleep(for: .milliseconds(5))
      await socket.close()
      #expect(try await waiting.value)
      await socket.close()
      // The port is free again.
      let again = try await onceFree { try await DatagramSocket.bind(to: socket.localAddress, on: loop) }
      #expect(again.localAddress == socket.localAddress)
      let error = await #expect(throws: SocketError.self) {
        _ = try await DatagramSocket.bind(to: again.localAddress, on: loop)
      }
      #expect(error?.errno == .addressInUse && error?.operation == .bind)
    }
  }

  @Test func aSocketThatNobodyHoldsIsClosed() async throws {
    try await DatagramLoop.standard.run { loop in
      var socket: DatagramSocket? = try await DatagramSocket.bind(to: LoopbackHost.ofItsOwn().address(), on: loop)
      let address = try #require(socket?.localAddress)
      socket = nil
      // Its port is free again.
      try await eventually { (try? BlockingDatagramClient(boundTo: address)) != nil }
    }
  }

  @Test(arguments: DatagramLoop.allCases)
  func socketsComeAndGoAndLeaveNothing(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let server = try await DatagramSocket.bind(to: .loopback(port: 0), on: loop)
      let address = server.localAddress
      for number in 0..<200 as Range<UInt8> {
        let client = try await DatagramSocket.connect(to: address, on: loop)
        await client.send(try loop.view([number]))
        let query = try await server.next()
        #expect(query.copy == [number] && query.peer == client.localAddress)
        if number % 2 == 0 { await client.close() }
      }
      try await eventually { await server.onLoop { server.engine.openSockets == 1 } }
      #expect(await server.onLoop { server.engine.sends.inUse == 0 })
    }
  }

  @Test(arguments: ServerMode.allCases)
  func aServerWhoseTaskIsCancelledEnds(mode: ServerMode) async throws {
    let running = try await RunningDatagramServer.echo(mode)
    running.task.cancel()
    _ = try await running.task.value
    await #expect(throws: DatagramServer.RunError.self) { try await running.server.run { DatagramEchoHandler() } }
    try await running.stop()
  }

  @Test(arguments: ServerMode.allCases)
  func aServerWhoseLoopsEndEnds(mode: ServerMode) async throws {
    let running = try await RunningDatagramServer.echo(mode, loops: 2)
    await running.group.shutdown()
    _ = try await running.task.value
  }

  @Test func aHandlerIsToldWhatBecameOfItsSocket() async throws {
    let log = Locked<[String]>([])
    let running = try await RunningDatagramServer.start { server, whenBound in
      try await server.run(whenBound: whenBound) { LoggingHandler(log: log) }
    }
    let port = running.port
    try await blocking {
      let client = try BlockingDatagramClient(connectedTo: .loopback(port: port))
      try client.send([1])
      #expect(try client.receive() == [1])
      try client.send([])
      try client.send([0])
    }
    _ = try await running.task.value
    #expect(log.withLock { $0 } == ["opened", "received 1", "received 0", "received 1", "closed nil"])
    try await running.stop()
  }
}

/// Writes down what it is told; closes its socket for a zero.
private struct LoggingHandler: DatagramHandler {
  let log: Locked<[String]>

  mutating func opened(_ socket: borrowing DatagramContext) { log.withLock { $0.append("opened") } }

  mutating func received(_ datagram: consuming Datagram, on socket: borrowing DatagramContext) {
    log.withLock { $0.append("received \(datagram.count)") }
    if datagram.copy == [0] { socket.close() }
    guard let peer = datagram.peer, datagram.copy == [1] else { return }
    socket.send(datagram.takePayload(), to: peer)
  }

  mutating func closed(_ error: SocketError?) {
    log.withLock { $0.append("closed \(error.map { "\($0)" } ?? "nil")") }
  }
}
