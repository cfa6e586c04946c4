import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

/// Passing on what comes: all of it, in both directions, at the pace of whoever is slower, and with the ends that there are.
@Suite(.timeLimit(.minutes(3)))
struct PipeTests {
  /// A proxy in front of a listener of plain calls.
  private struct Proxy {
    let running: RunningServer
    let behind: PlainListener
    let errors: Locked<[SocketError.Kind]>

    static func start(_ place: Place, loops: Int = 1) async throws -> Proxy {
      let behind = try PlainListener()
      let port = behind.port
      let errors = Locked<[SocketError.Kind]>([])
      var configuration = TCPServer.Configuration()
      configuration.loops = loops
      let other = try LoopGroup()
      let running = try await RunningServer.start(configuration) { server, whenListening in
        let summary = try await server.run(whenListening: whenListening) { connection in
          do {
            let loop = loops > 1 ? other.loops[0] : connection.loop
            let upstream = try await TCPConnection.connect(to: .loopback(port: port), on: loop)
            try await place.run { try await TCPConnection.join(connection, upstream) }
          } catch let error as SocketError {
            errors.change { $0.append(error.kind) }
            throw error
          }
        }
        await other.shutdown()
        return summary
      }
      return Proxy(running: running, behind: behind, errors: errors)
    }

    func connect() async throws -> (client: BlockingClient, upstream: BlockingClient) {
      let (port, behind) = (running.port, behind)
      return try await blocking {
        let client = try BlockingClient(port: port, bufferBytes: 16_384)
        return (client, try behind.accept())
      }
    }
  }

  @Test(arguments: Place.allCases, [1, 2])
  func eachDirectionEndsByItself(place: Place, loops: Int) async throws {
    let proxy = try await Proxy.start(place, loops: loops)
    for clientFirst in [true, false] {
      let (client, upstream) = try await proxy.connect()
      try await blocking {
        let (first, second) = clientFirst ? (client, upstream) : (upstream, client)
        try first.send([1, 2, 3])
        try first.closeOutput()
        #expect(try second.receiveToEnd() == [1, 2, 3])
        // The other direction goes on after the end.
        for byte: UInt8 in 4...6 {
          try second.send([byte])
          #expect(try first.receive(exactly: 1) == [byte])
        }
        try second.closeOutput()
        #expect(try first.end() == .endOfStream)
        first.close()
        second.close()
      }
    }
    try await proxy.running.settles()
    #expect(proxy.errors.value == [])
    try await proxy.running.stop()
  }

  @Test(arguments: Place.allCases, [1, 2])
  func aSlowReaderSlowsTheSender(place: Place, loops: Int) async throws {
    let proxy = try await Proxy.start(place, loops: loops)
    let (client, upstream) = try await proxy.connect()
    try await blocking {
      let pattern = Pattern(seed: 3)
      var sent = 0
      // Until nothing moves for a while.
      var quiet = 0
      while quiet < 3 {
        let more = try client.sendWithoutWaiting(pattern, from: sent)
        sent += more
        quiet = more == 0 ? quiet + 1 : 0
        if more == 0 { #expect(throws: Errno.timedOut) { try client.waitForTheEnd(milliseconds: 100) } }
      }
      // Not without bound: what the sockets and the marks admit.
      #expect(sent < 64 << 20)
      try client.closeOutput()
      let (bytes, end, isIntact) = try upstream.readToTheEnd(of: pattern)
      #expect(bytes == sent && end == .endOfStream && isIntact)
      try upstream.send([9])
      upstream.close()
      #expect(try client.receiveToEnd() == [9])
    }
    try await proxy.running.settles()
    try await proxy.running.stop()
  }

  @Test(arguments: Place.allCases, [true, false])
  func aResetIsPassedOn(place: Place, byClient: Bool) async throws {
    let proxy = try await Proxy.start(place)
    let (client, upstream) = try await proxy.connect()
    try await blocking {
      let (first, second) = byClient ? (client, upstream) : (upstream, client)
      try first.send([1])
      #expect(try second.receive(exactly: 1) == [1])
      try first.reset()
      #expect(try second.end() == .reset)
    }
    try await eventually { !proxy.errors.value.isEmpty }
    #expect(proxy.errors.value == [.system(.connectionReset)])
    try await proxy.running.settles()
    try await proxy.running.stop()
  }

  /// The server stops in the middle: both sides see that their streams are cut.
  @Test func aCancelledPipeCutsBothStreams() async throws {
    let proxy = try await Proxy.start(.onTheLoop)
    let (client, upstream) = try await proxy.connect()
    try await blocking {
      try client.send([1])
      #expect(try upstream.receive(exactly: 1) == [1])
    }
    proxy.running.server.abort()
    try await blocking {
      #expect(try upstream.end() == .reset)
      _ = try client.end()
    }
    try await proxy.running.ended()
  }

  @Test(arguments: Place.allCases)
  func oneDirectionCountsWhatItPasses(place: Place) async throws {
    let behind = try PlainListener()
    let port = behind.port
    let bytes = Pattern().bytes(count: 300_000)
    let count = try await serveOne(
      place,
      client: { client in
        let upstream = try behind.accept()
        try client.send(bytes)
        try client.closeOutput()
        #expect(try upstream.receiveToEnd() == bytes)
        _ = client.isEnded()
      },
      body: { connection in
        let upstream = try await TCPConnection.connect(to: .loopback(port: port), on: connection.loop)
        let count = try await connection.pipe(into: upstream)
        await upstream.close()
        return count
      }
    )
    #expect(count == bytes.count)
  }
}
