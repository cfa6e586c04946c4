import NIOCore
import NIOPosix
import Testing
import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The core has one, too: `SluiceAddress`.
private typealias Address = NIOCore.SocketAddress

@testable import SluiceNIO

@Suite(.serialized) struct ClientBootstrapTests {
  /// Says what it was made to say.
  private struct Directory: HostResolver {
    var answer: [String]

    struct Unknown: Error {}

    func addresses(of host: String, port: UInt16) async throws -> [SluiceAddress] {
      guard !answer.isEmpty else { throw Unknown() }
      return try answer.map { try SluiceAddress(host: $0, port: port) }
    }
  }

  private func withGroup(_ threads: Int = 1, _ body: (RingEventLoopGroup) async throws -> Void) async throws {
    let group = try RingEventLoopGroup(numberOfThreads: threads)
    let result = await outcome { try await body(group) }
    try await group.shutdownGracefully()
    try result.get()
  }

  private func listen(_ group: RingEventLoopGroup, _ host: String = "127.0.0.1") async throws -> any Channel {
    try await RingServerBootstrap(group: group).bind(host: host, port: 0).get()
  }

  private func port(_ server: any Channel) throws -> Int { try #require(server.localAddress?.port) }

  @Test(arguments: ["127.0.0.1", "localhost"]) func aHostIsConnectedToByItsNameOrAddress(host: String) async throws {
    try await withGroup { group in
      let server = try await listen(group, host)
      let client = try await RingClientBootstrap(group: group).connect(host: host, port: port(server)).get()
      #expect(client.isActive)
      #expect(client.remoteAddress?.port == server.localAddress?.port)
      try await client.close()
    }
  }

  @Test func addressesAreTriedInOrderUntilOneAnswers() async throws {
    try await withGroup { group in
      let server = try await listen(group)
      let made = ScenarioLog()
      let client = try await RingClientBootstrap(group: group)
        .resolver(Directory(answer: ["127.0.0.2", "127.0.0.3", "127.0.0.1", "127.0.0.4"]))
        .connect(host: "somewhere", port: port(server)) { channel in
          made.note("channels", "made")
          return channel.eventLoop.makeSucceededFuture(channel)
        }
      #expect(client.remoteAddress?.ipAddress == "127.0.0.1")
      #expect(made.lines(of: "channels").count == 3)
      try await client.close()
    }
  }

  @Test func whereNoAddressAnswersAllFailuresAreTold() async throws {
    try await withGroup { group in
      let server = try await listen(group)
      let port = try port(server)
      try await server.close()
      let error = await #expect(throws: RingConnectionError.self) {
        _ = try await RingClientBootstrap(group: group)
          .resolver(Directory(answer: ["127.0.0.2", "127.0.0.3"]))
          .connect(host: "somewhere", port: port).get()
      }
      let attempts = try #require(error).connectionErrors
      #expect(attempts.map(\.address.ipAddress) == ["127.0.0.2", "127.0.0.3"])
      #expect(attempts.allSatisfy { describe($0.error) == "errno 111" })
      #expect(error?.lookupError == nil)
    }
  }

  @Test func aHostWithoutAnAddressIsAnErrorOfTheLookup() async throws {
    try await withGroup { group in
      let bootstrap = RingClientBootstrap(group: group).resolver(Directory(answer: []))
      let error = await #expect(throws: RingConnectionError.self) {
        _ = try await bootstrap.connect(host: "nowhere", port: 80).get()
      }
      #expect(error?.lookupError is Directory.Unknown)
    }
  }

  @Test(arguments: [-1, 65_536]) func aPortThatIsNoneIsRefused(port: Int) async throws {
    try await withGroup { group in
      await #expect(throws: RingConnectionError.self) {
        _ = try await RingClientBootstrap(group: group).connect(host: "127.0.0.1", port: port).get()
      }
      await #expect(throws: ResolveError.self) {
        _ = try await RingServerBootstrap(group: group).bind(host: "127.0.0.1", port: port).get()
      }
    }
  }

  @Test func protocolHandlersStandInFrontOfThoseOfTheInitializer() async throws {
    try await withGroup { group in
      let server = try await listen(group)
      let client = try await RingClientBootstrap(group: group)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(Script(), name: "own")
          }
        }
        .protocolHandlers { [Recorder(ScenarioLog(), "x")] }
        .connect(to: #require(server.localAddress)).get()
      let lines = try await client.eventLoop.submit {
        client.pipeline.debugDescription.split(separator: "\n").map { String($0) }
      }.get()
      let first = try #require(lines.firstIndex { $0.contains("Recorder") })
      let second = try #require(lines.firstIndex { $0.contains("Script") })
      #expect(first < second)
      try await client.close()
    }
  }

  @Test func anotherGroupIsRefused() {
    #expect(RingClientBootstrap(validatingGroup: MultiThreadedEventLoopGroup.singleton) == nil)
    #expect(RingServerBootstrap(validatingGroup: MultiThreadedEventLoopGroup.singleton) == nil)
  }

  @Test func oneLoopIsAGroup() async throws {
    try await withGroup(2) { group in
      let server = try await listen(group)
      for loop in group.loops {
        let client = try await #require(RingClientBootstrap(validatingGroup: loop))
          .connect(to: #require(server.localAddress)).get()
        #expect(client.eventLoop === loop)
        try await client.close()
      }
    }
  }

  @Test func childrenAreSpreadOverTheLoopsOfTheirGroup() async throws {
    try await withGroup { parents in
      try await withGroup(2) { children in
        let log = ScenarioLog()
        let server = try await RingServerBootstrap(group: parents, childGroup: children)
          .childChannelInitializer { child in
            child.eventLoop.preconditionInEventLoop()
            log.note("loops", "\(child.eventLoop)")
            return child.eventLoop.makeCompletedFuture { try child.pipeline.syncOperations.addHandler(Script.echo()) }
          }
          .bind(host: "127.0.0.1", port: 0).get()
        #expect(server.eventLoop === parents.loops[0])
        for _ in 0..<4 {
          let peer = try PlainSocket(connectedTo: #require(server.localAddress))
          try peer.send("hello")
          #expect(try peer.receive(5) == "hello")
        }
        #expect(Set(log.lines(of: "loops")).count == 2)
        try await server.close()
      }
    }
  }

  @Test func aSocketThatSomebodyElseBoundListens() async throws {
    try await withGroup { group in
      let address = try Address(ipAddress: "127.0.0.1", port: 0)
      let socket = try StreamSockets.open(for: address)
      try StreamSockets.bind(socket, to: address)
      let server = try await RingServerBootstrap(group: group)
        .childChannelInitializer { child in
          child.eventLoop.makeCompletedFuture { try child.pipeline.syncOperations.addHandler(Script.echo()) }
        }
        .withBoundSocket(socket).get()
      let peer = try PlainSocket(connectedTo: #require(server.localAddress))
      try peer.send("hello")
      #expect(try peer.receive(5) == "hello")
      try await server.close()
    }
  }

  @Test func abstractNamesAreListenedOn() async throws {
    try await withGroup { group in
      let core = try SluiceAddress.unix(abstract: "sluice-nio-\(getpid())")
      let address = try #require(Address(core))
      let server = try await RingServerBootstrap(group: group).bind(to: address).get()
      #expect(server.localAddress.flatMap { SluiceAddress($0) } == core)
      let client = try await RingClientBootstrap(group: group).connect(to: address).get()
      #expect(client.remoteAddress.flatMap { SluiceAddress($0) } == core)
      try await client.close()
    }
  }
}
