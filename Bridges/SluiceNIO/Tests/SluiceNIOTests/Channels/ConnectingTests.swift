import NIOCore
import Testing

@testable import SluiceNIO

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite(.serialized) struct ConnectingTests {
  /// A port of the loopback on which connections neither come through nor fail: its queue is full.
  private final class FullPort {
    let address: SocketAddress
    private let listener: CInt
    private var fillers: [CInt] = []

    init() throws {
      let any = try SocketAddress(ipAddress: "127.0.0.1", port: 0)
      listener = try StreamSockets.open(for: any)
      try StreamSockets.bind(listener, to: any)
      try StreamSockets.beginListening(listener, backlog: 0)
      address = try #require(SocketNames.local(of: listener))
      // Those beyond the queue's room would wait, so they are asked not to.
      for _ in 0..<4 {
        let socket = try StreamSockets.open(for: address)
        _ = fcntl(socket, F_SETFL, O_NONBLOCK)
        _ = unsafe address.withSockAddr { unsafe connect(socket, $0, socklen_t($1)) }
        fillers.append(socket)
      }
    }

    deinit {
      for socket in fillers + [listener] { SystemCalls.close(socket) }
    }
  }

  private func channel(on loop: RingEventLoop, for address: SocketAddress) throws -> RingStreamChannel {
    RingStreamChannel(socket: try StreamSockets.open(for: address), loop: loop, isUnix: address.isUnix)
  }

  private func withLoop(_ body: (RingEventLoop) async throws -> Void) async throws {
    let group = try RingEventLoopGroup(numberOfThreads: 1)
    do {
      try await body(group.loops[0])
    } catch {
      Issue.record(error)
    }
    try await group.shutdownGracefully()
  }

  @Test func aPortWhereNobodyListensRefuses() async throws {
    try await withLoop { loop in
      let address = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
      let channel = try channel(on: loop, for: address)
      try await channel.enroll().get()
      let error = await #expect(throws: IOError.self) { try await channel.join(address).get() }
      #expect(error?.errnoCode == ECONNREFUSED)
      try await channel.closeFuture.get()
      #expect(!channel.isActive)
    }
  }

  @Test func aConnectThatTakesTooLongFails() async throws {
    let port = try FullPort()
    try await withLoop { loop in
      let channel = try channel(on: loop, for: port.address)
      try await channel.setOption(.connectTimeout, value: .milliseconds(50)).get()
      try await channel.enroll().get()
      await #expect(throws: ChannelError.connectTimeout(.milliseconds(50))) {
        try await channel.join(port.address).get()
      }
      try await channel.closeFuture.get()
    }
  }

  @Test func aCloseEndsAnAttempt() async throws {
    let port = try FullPort()
    try await withLoop { loop in
      let channel = try channel(on: loop, for: port.address)
      try await channel.enroll().get()
      let connected = channel.join(port.address)
      await #expect(throws: ChannelError.connectPending) { try await channel.join(port.address).get() }
      // The socket has its options meanwhile.
      #expect(try await channel.getOption(.socketOption(.so_error)).get() == 0)
      try await channel.end().get()
      await #expect(throws: ChannelError.ioOnClosedChannel) { try await connected.get() }
      try await channel.closeFuture.get()
    }
  }

  @Test func whoIsNotRegisteredCannotConnect() async throws {
    try await withLoop { loop in
      let address = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
      let channel = try channel(on: loop, for: address)
      await #expect(throws: ChannelError.inappropriateOperationForState) {
        try await channel.join(address).get()
      }
      try await channel.end().get()
    }
  }

  @Test func whatWasFlushedBeforeGoesOutBehindTheConnect() async throws {
    try await onRing { stage in
      let server = try await stage.listen(.sums)
      let address = try #require(server.localAddress)
      let loop = try #require(server.eventLoop as? RingEventLoop)
      let channel = try channel(on: loop, for: address)
      try await stage.value(channel.enroll())
      let early = channel.send(ByteBuffer(string: "early"))
      await stage.settle()
      try await stage.value(channel.join(address))
      try await stage.value(early)
      let child = try await stage.child()
      try await stage.value(channel.end())
      try await stage.value(child.closeFuture)
    }
  }
}
