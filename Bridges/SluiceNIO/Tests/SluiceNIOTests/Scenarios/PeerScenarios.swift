import NIOCore
import Testing

/// A peer that is not a channel.
extension Scenarios {
  @Suite struct Peer {
    @Test func aPeerThatResetsWhileNothingHappens() async throws {
      let log = try await expectSame { stage in
        let server = try await stage.listen()
        let peer = try PlainSocket(connectedTo: try #require(server.localAddress))
        let child = try await stage.child()
        try peer.send("hello")
        try await stage.rest()
        peer.reset()
        try await stage.value(child.closeFuture)
      }
      #expect(log.lines(of: "child").contains("caught errno 104"))
    }

    @Test func aPeerThatResetsWhileAWriteIsPending() async throws {
      try await expectSame { stage in
        let server = try await stage.listen(.sums)
        let peer = try PlainSocket(connectedTo: try #require(server.localAddress))
        let child = try await stage.child()
        await stage.settle()
        stage.log.follow(child.send(ByteBuffer(repeating: 1, count: 32 << 20)), "promises", "much")
        stage.log.follow(child.queue("x"), "promises", "unflushed")
        await stage.settle()
        peer.reset()
        try await stage.value(child.closeFuture)
      }
    }

    @Test func aPeerThatResetsWithoutAutoRead() async throws {
      try await expectSame { stage in
        let server = try await stage.listen(configure: { $0.childChannelOption(.autoRead, value: false) })
        let peer = try PlainSocket(connectedTo: try #require(server.localAddress))
        let child = try await stage.child()
        await stage.settle()
        peer.reset()
        try await stage.value(child.closeFuture)
      }
    }

    @Test func writingToAPeerThatIsGone() async throws {
      try await expectSame { stage in
        let server = try await stage.listen(
          .sums,
          configure: {
            $0.childChannelOption(.allowRemoteHalfClosure, value: true)
          }
        )
        var peer: PlainSocket? = try PlainSocket(connectedTo: try #require(server.localAddress))
        #expect(peer != nil)
        let child = try await stage.child()
        await stage.settle()
        peer = nil
        try await stage.rest()
        // Answered with a reset.
        stage.log.follow(child.send("anybody there?"), "promises", "first")
        try await stage.value(child.closeFuture)
        stage.log.follow(child.send("no"), "promises", "second")
      }
    }

    @Test func aSocketThatSomebodyElseConnected() async throws {
      try await expectSame { stage in
        let server = try await stage.listen { _ in [Script.echo()] }
        let peer = try PlainSocket(connectedTo: try #require(server.localAddress))
        let client = try await stage.value(
          stage.recordedClient { _ in [Script().whenRead { context, _ in context.close(promise: nil) }] }
            .withConnectedSocket(peer.duplicate())
        )
        try await stage.value(client.send("hello"))
        try await stage.value(client.closeFuture)
        peer.endOutput()
      }
    }
  }
}
