import NIOCore
import Testing

@testable import SluiceNIO

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite(.serialized) struct ClosingTests {
  @Test func whatWasFlushedRightBeforeACloseIsSentAndItsPromiseKept() async throws {
    let log = try await onRing { stage in
      try await stage.withConnection { channel, peer in
        try await stage.value(
          channel.eventLoop.submit {
            stage.log.follow(channel.send(ByteBuffer(string: "last words")), "order", "write")
            stage.log.follow(channel.end(), "order", "close")
            stage.log.follow(channel.end(), "order", "second close")
            stage.log.follow(channel.send(ByteBuffer(string: "too late")), "order", "late write")
            stage.log.note("order", "is active: \(channel.isActive)")
          }
        )
        #expect(try peer.receive() == "last words")
        try await stage.value(channel.closeFuture)
      }
    }
    #expect(
      log.lines(of: "order") == [
        "second close: Already closed", "late write: I/O on closed channel", "is active: false", "write: done",
        "close: done",
      ]
    )
  }

  @Test func aPeerThatDoesNotReadHoldsNoCloseUpAndGetsWhatWasFlushed() async throws {
    try await onRing { stage in
      try await stage.withConnection { channel, peer in
        let count = 24 << 20
        let written = channel.send(ByteBuffer(repeating: 7, count: count))
        await stage.settle()
        try await stage.value(channel.end())
        try await stage.value(channel.closeFuture)
        #expect(try await stage.failure(of: written) as? ChannelError == .ioOnClosedChannel)
        // The loop goes on to send it.
        #expect(try peer.receive().utf8.count == count)
      }
    }
  }

  @Test func whatWasNotFlushedIsNotSent() async throws {
    try await onRing { stage in
      try await stage.withConnection { channel, peer in
        let written = channel.queue(ByteBuffer(string: "unflushed"))
        try await stage.value(channel.end())
        #expect(try await stage.failure(of: written) as? ChannelError == .ioOnClosedChannel)
        #expect(try peer.receive().isEmpty)
      }
    }
  }

  @Test func lingerOfZeroSecondsResets() async throws {
    try await onRing { stage in
      try await stage.withConnection { channel, peer in
        let provider = try #require(channel as any Channel as? any SocketOptionProvider)
        try await stage.value(provider.setSoLinger(linger(l_onoff: 1, l_linger: 0)))
        try await stage.value(channel.end())
        #expect(throws: IOError.self) { try peer.receive() }
      }
    }
  }

  @Test func lingerThatIsOffAgainDoesNotReset() async throws {
    try await onRing { stage in
      try await stage.withConnection { channel, peer in
        let provider = try #require(channel as any Channel as? any SocketOptionProvider)
        try await stage.value(provider.setSoLinger(linger(l_onoff: 1, l_linger: 0)))
        try await stage.value(provider.setSoLinger(linger(l_onoff: 0, l_linger: 0)))
        try await stage.value(channel.end())
        #expect(try peer.receive().isEmpty)
      }
    }
  }

  @Test func aResetIsCaughtAndFailsWhatIsPending() async throws {
    let log = try await onRing { stage in
      try await stage.withConnection { channel, peer in
        let unflushed = channel.queue(ByteBuffer(string: "unflushed"))
        peer.reset()
        try await stage.value(channel.closeFuture)
        let error = try #require(try await stage.failure(of: unflushed) as? IOError)
        #expect(error.errnoCode == ECONNRESET)
      }
    }
    #expect(log.lines(of: "child").contains("caught errno \(ECONNRESET)"))
  }

  @Test func theLoopsEndClosesWhatIsOpen() async throws {
    let group = try RingEventLoopGroup(numberOfThreads: 2)
    let server = try await RingServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
    let client = try await RingClientBootstrap(group: group).connect(to: try #require(server.localAddress)).get()
    try await group.shutdownGracefully()
    #expect(!server.isActive && !client.isActive)
    try await server.closeFuture.get()
    try await client.closeFuture.get()
  }

  @Test func aChannelThatNobodyRegistersGivesItsDescriptorBack() async throws {
    let group = try RingEventLoopGroup(numberOfThreads: 1)
    let loop = group.loops[0]
    let address = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
    let channel = RingStreamChannel(socket: try StreamSockets.open(for: address), loop: loop, isUnix: false)
    #expect(try await channel.getOption(.tcpOption(.tcp_nodelay)).get() == 0)
    try await channel.end().get()
    try await channel.closeFuture.get()
    await #expect(throws: ChannelError.ioOnClosedChannel) { try await channel.getOption(.autoRead).get() }
    try await group.shutdownGracefully()
  }
}
