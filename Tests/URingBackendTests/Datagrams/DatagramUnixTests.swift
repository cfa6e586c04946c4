import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Unix datagrams: names, files, credentials, and receivers that are slow or gone.
@Suite(.timeLimit(.minutes(2)))
struct DatagramUnixTests {
  @Test(arguments: DatagramLoop.allCases, ServerMode.allCases)
  func whatHasANameIsAnswered(kind: DatagramLoop, mode: ServerMode) async throws {
    let directory = try TemporaryDirectory()
    let address = try SocketAddress.unix(path: "\(directory.path)/s")
    let running = try await RunningDatagramServer.echo(mode, at: address, loop: kind.configuration, loops: 2)
    #expect(running.address == address)
    let own = try SocketAddress.unix(path: "\(directory.path)/c")
    try await blocking {
      let client = try BlockingDatagramClient(connectedTo: address, boundTo: own)
      for size in [0, 1, 1000] {
        try client.send([UInt8](repeating: 3, count: size))
        #expect(try client.receive().count == size)
      }
      // One without a name cannot be.
      try BlockingDatagramClient(connectedTo: address).send([1])
    }
    try await eventually { running.group.loops[0].statistics.datagramsReceived == 4 }
    try await running.stop()
    // The file was removed with the socket; the other one is the client's.
    #expect(directory.entries == ["c"])
  }

  @Test(arguments: DatagramLoop.allCases)
  func abstractNamesAndNamesOfTheKernelsChoiceWork(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let address = try SocketAddress.unix(abstract: "sluice-\(getpid())-\(kind)")
      var options = DatagramOptions()
      options.reportsCredentials = true
      let server = try await DatagramSocket.bind(to: address, on: loop, options: options)
      let client = try await DatagramSocket.connect(to: address, on: loop)
      #expect(client.localAddress.abstractName != nil)
      await client.send(try loop.view([1, 2]))
      let query = try await server.next()
      #expect(query.peer == client.localAddress && query.local == nil)
      #expect(
        query.credentials
          == PeerCredentials(processID: getpid(), userID: geteuid(), groupID: getegid())
      )
      guard let path = query.path else { throw ServerEndedEarly() }
      #expect(await server.send(query.takePayload(), over: path))
      let reply = try await client.next()
      #expect(reply.copy == [1, 2] && reply.credentials == nil)
    }
  }

  @Test(arguments: DatagramLoop.allCases)
  func whatWasLeftBehindIsReplacedAndWhatLivesIsNot(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let directory = try TemporaryDirectory()
      let address = try SocketAddress.unix(path: "\(directory.path)/s")
      // Bound and closed, and the file is still there.
      try await blocking { _ = try BlockingDatagramClient(family: .unix, boundTo: address) }
      #expect(directory.entries == ["s"])
      let socket = try await onceFree { try await DatagramSocket.bind(to: address, on: loop) }
      let error = await #expect(throws: SocketError.self) { _ = try await DatagramSocket.bind(to: address, on: loop) }
      #expect(error?.errno == .addressInUse)
      try await blocking { try BlockingDatagramClient(connectedTo: address).send([5]) }
      #expect(try await socket.receiveBytes() == [5])
      await socket.close()
      #expect(directory.entries == [])
    }
  }

  @Test(arguments: DatagramLoop.allCases)
  func aReceiverThatIsGoneIsReportedToWhoIsConnected(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let directory = try TemporaryDirectory()
      let address = try SocketAddress.unix(path: "\(directory.path)/s")
      let server = try await DatagramSocket.bind(to: address, on: loop)
      let client = try await DatagramSocket.connect(to: address, on: loop)
      await server.close()
      let error = try await client.errorOfSending(loop)
      #expect(error.errno == .connectionRefused || error.errno == .connectionReset)
    }
  }

  /// A Unix socket that is connected to nobody is not told when a receiver has room: what has none is not sent.
  @Test(arguments: DatagramLoop.allCases)
  func aReceiverThatIsFullGetsNoMoreAndHoldsNobodyUp(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let directory = try TemporaryDirectory()
      let full = try SocketAddress.unix(path: "\(directory.path)/full")
      let slow = try BlockingDatagramClient(family: .unix, boundTo: full)
      let socket = try await DatagramSocket.bind(to: try .unix(path: "\(directory.path)/s"), on: loop)
      for number in 0..<500 { await socket.send(try loop.view([UInt8(number & 0xFF)]), to: full) }
      try await eventually { await socket.onLoop { socket.place?.record.sendsInFlight == 0 } }
      let (sent, failed) = (loop.statistics.datagramsSent, loop.statistics.datagramErrors)
      #expect(sent > 0 && failed > 0 && sent + failed == 500)
      #expect(try await blocking { try slow.receive() } == [0])
      #expect(await socket.send(try loop.view([9]), to: full))
      try await eventually { loop.statistics.datagramsSent == sent + 1 }
    }
  }

  /// One that is connected waits, within its bounds, and goes on when there is room.
  @Test(arguments: DatagramLoop.allCases)
  func whoIsConnectedToASlowReceiverWaits(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let directory = try TemporaryDirectory()
      let address = try SocketAddress.unix(path: "\(directory.path)/slow")
      let slow = try BlockingDatagramClient(family: .unix, boundTo: address)
      var options = DatagramOptions()
      options.sendQueueDatagrams = 16
      let socket = try await DatagramSocket.connect(to: address, on: loop, options: options)
      let count = 400
      // On the loop: elsewhere other tests may hold all threads for longer than the receiver has patience.
      let sending = Task(executorPreference: loop) {
        for number in 0..<count { try await socket.sendWhenWritable(try loop.view([UInt8(number & 0xFF)])) }
      }
      let received = try await blocking {
        // Not faster than the sender, so that it has to wait again and again.
        try (0..<count).map { number in
          if number % 50 == 0 { usleep(2000) }
          return try slow.receive()
        }
      }
      try await sending.value
      // Whole ones, each once. In what order is free.
      let whole = received.compactMap(\.first)
      #expect(whole.sorted() == (0..<count).map { UInt8($0 & 0xFF) }.sorted())
      // And one that is closed with datagrams that nobody takes gives them up.
      for _ in 0..<400 { await socket.send(try loop.view([1])) }
      await socket.close()
      #expect(await socket.onLoop { socket.engine.sends.inUse } == 0)
    }
  }
}
