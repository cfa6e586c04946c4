import IOBuffers
import Testing

@testable import URingBackend

/// What was sent comes back, over real sockets.
@Suite(.timeLimit(.minutes(2)))
struct DatagramEchoTests {
  @Test(arguments: ServerMode.allCases, DatagramLoop.allCases)
  func everyDatagramComesBackWhole(mode: ServerMode, kind: DatagramLoop) async throws {
    let running = try await RunningDatagramServer.echo(mode, loop: kind.configuration)
    let port = running.port
    let pattern = Pattern(seed: 5)
    let sizes = [0, 1, 64, 0, 0, 1200, 1500, 63]
    try await blocking {
      let client = try BlockingDatagramClient(connectedTo: .loopback(port: port))
      for round in 0..<10 {
        for size in sizes {
          let payload = pattern.bytes(at: round * 100, count: size)
          try client.send(payload)
          #expect(try client.receive() == payload)
        }
      }
    }
    let statistics = try await running.stop()
    #expect(statistics.datagramsReceived == 80 && statistics.datagramsSent == 80)
    #expect(statistics.bytesReceived == UInt64(10 * sizes.reduce(0, +)))
    #expect(statistics.bytesSent == statistics.bytesReceived)
  }

  @Test(arguments: DatagramLoop.allCases)
  func manyPeersGetTheirOwn(kind: DatagramLoop) async throws {
    let running = try await RunningDatagramServer.echo(.handlers, loop: kind.configuration)
    let port = running.port
    try await blockingThreads(4) { thread in
      let clients = try (0..<10).map { _ in try BlockingDatagramClient(connectedTo: .loopback(port: port)) }
      for round in 0..<20 {
        for (index, client) in clients.enumerated() { try client.send([UInt8(thread), UInt8(index), UInt8(round)]) }
        for (index, client) in clients.enumerated() {
          #expect(try client.receive() == [UInt8(thread), UInt8(index), UInt8(round)])
        }
      }
    }
    let statistics = try await running.stop()
    #expect(statistics.datagramsReceived == 800)
  }

  @Test(arguments: ServerMode.allCases)
  func severalLoopsShareAPort(mode: ServerMode) async throws {
    let running = try await RunningDatagramServer.echo(mode, loops: 2)
    let port = running.port
    try await blocking {
      // So many that each loop gets some of them.
      for number in 0..<64 {
        let client = try BlockingDatagramClient(connectedTo: .loopback(port: port))
        try client.send([UInt8(number)])
        #expect(try client.receive() == [UInt8(number)])
      }
    }
    let perLoop = running.group.loops.map { $0.statistics.datagramsReceived }
    #expect(perLoop.reduce(0, +) == 64 && perLoop.allSatisfy { $0 > 0 })
    // A port that is in use is not shared silently.
    let other = DatagramServer(address: running.address, configuration: .init(), group: running.group)
    await #expect(throws: SocketError.self) { try await other.run { DatagramEchoHandler() } }
    try await running.stop()
  }

  @Test(arguments: DatagramLoop.allCases)
  func ourSocketsTalkToEachOther(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let server = try await DatagramSocket.bind(to: try SocketAddress(host: "::1", port: 0), on: loop)
      let client = try await DatagramSocket.connect(to: server.localAddress, on: loop)
      #expect(await client.send(try loop.view([1, 2, 3])))
      let query = try await server.next()
      #expect(query.copy == [1, 2, 3] && query.peer == client.localAddress && query.local == nil)
      guard let path = query.path else { throw ServerEndedEarly() }
      #expect(await server.send(query.takePayload(), over: path))
      #expect(try await client.receiveBytes() == [1, 2, 3])
      await client.close()
      await server.close()
      #expect(await client.send(try loop.view([1])) == false)
      #expect(try await client.isOver())
    }
  }

  /// Queries of a program that is none of ours.
  @Test(arguments: DatagramLoop.allCases)
  func aClientInPythonIsAnswered(kind: DatagramLoop) async throws {
    let running = try await RunningDatagramServer.echo(
      .handlers,
      at: try SocketAddress(host: "::", port: 0),
      loop: kind.configuration
    )
    let script = """
      import socket, sys
      port = int(sys.argv[1])
      for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.9")):
          s = socket.socket(family, socket.SOCK_DGRAM)
          s.settimeout(10)
          for n in range(50):
              s.sendto(b"q%d" % n, (host, port))
              answer, sender = s.recvfrom(65536)
              assert answer == b"q%d" % n, answer
              assert sender[:2] == (host, port), sender
      """
    let status = try await blocking { try PythonScript.run(script, ["\(running.port)"]) }
    #expect(status == 0)
    let statistics = try await running.stop()
    #expect(statistics.datagramsReceived == 150)
  }
}
