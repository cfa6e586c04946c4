#if ZeroCopyReads
  import Dispatch
  import NIOConcurrencyHelpers
  import NIOCore
  import Testing
  import URingBackend

  @testable import SluiceNIO

  /// What handlers are given where the kernel put it: it is theirs for as long as they like, and nobody else's.
  @Suite(.serialized, .timeLimit(.minutes(1))) struct HandedOverBuffersTests {
    /// All that a channel reads, as it was read.
    private final class Keeper: ChannelInboundHandler, Sendable {
      typealias InboundIn = ByteBuffer
      let kept = NIOLockedValueBox<[ByteBuffer]>([])
      /// What is done with each before it is kept.
      private let use: @Sendable (inout ByteBuffer) -> Void

      init(_ use: @escaping @Sendable (inout ByteBuffer) -> Void = { _ in }) { self.use = use }

      func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        use(&buffer)
        kept.withLockedValue { [buffer] in $0.append(buffer) }
      }

      var bytes: Int { kept.withLockedValue { $0.reduce(0) { $0 + $1.readableBytes } } }
      var text: String { kept.withLockedValue { $0.map { String(buffer: $0) }.joined() } }

      /// Gives all of it away.
      func take() -> [ByteBuffer] {
        kept.withLockedValue { kept in
          defer { kept = [] }
          return kept
        }
      }
    }

    /// Text in which no two places are alike for a long way.
    private static func text(_ count: Int, seed: Int = 0) -> String {
      var text = ""
      var number = seed
      while text.utf8.count < count {
        text += "\(number)."
        number += 1
      }
      return String(text.prefix(count))
    }

    private func withServer(
      _ handler: any ChannelHandler & Sendable,
      poolBytes: Int = 64 << 20,
      _ body: (RingEventLoop, NIOCore.SocketAddress) async throws -> Void
    ) async throws {
      var configuration = URingBackend.EventLoop.Configuration()
      configuration.poolBytes = poolBytes
      let group = try RingEventLoopGroup(numberOfThreads: 1, configuration: configuration)
      do {
        let server = try await RingServerBootstrap(group: group)
          .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(handler) }
          }
          .bind(host: "127.0.0.1", port: 0).get()
        try await body(group.loops[0], try #require(server.localAddress))
      } catch {
        try await group.shutdownGracefully()
        throw error
      }
      try await group.shutdownGracefully()
    }

    /// What slots there are have in all: three eighths of a pool.
    private static func receiveBytes(_ poolBytes: Int) -> UInt64 { UInt64(poolBytes / 8 * 3) }

    private func wait(until condition: () -> Bool) async throws {
      while !condition() { try await Task.sleep(for: .milliseconds(1)) }
    }

    @Test func aLargeReadIsNotCopiedAndASmallOneIs() async throws {
      let keeper = Keeper()
      try await withServer(keeper) { loop, address in
        let peer = try PlainSocket(connectedTo: address)
        try peer.send("small")
        try await wait { keeper.bytes == 5 }
        #expect(loop.bytesCopied == 5 && loop.bytesHandedOver == 0)
        let text = Self.text(64 << 10)
        try peer.send(text)
        try await wait { keeper.bytes == 5 + text.utf8.count }
        #expect(loop.bytesCopied + loop.bytesHandedOver == UInt64(keeper.bytes))
        #expect(loop.bytesHandedOver > 0)
        #expect(keeper.text == "small" + text)
      }
    }

    @Test func whatIsKeptOutlivesItsLoop() async throws {
      let keeper = Keeper()
      let text = Self.text(200_000)
      try await withServer(keeper) { loop, address in
        let peer = try PlainSocket(connectedTo: address)
        try peer.send(text)
        try await wait { keeper.bytes == text.utf8.count }
        #expect(loop.bytesHandedOver > 0)
      }
      #expect(keeper.text == text)
      var kept = keeper.take()
      for place in kept.indices { kept[place].writeString("!") }
      #expect(kept.map { String(buffer: $0).dropLast() }.joined() == text)
    }

    /// A handler may write to what it is given, make it longer, share it, cut it, and leave the rest alone.
    @Test func whoWritesToWhatItWasGivenMeetsNobody() async throws {
      let keeper = Keeper { buffer in
        let shared = buffer
        let first = buffer.getString(at: buffer.readerIndex, length: 1)
        // Somebody else shares it: a copy is made.
        buffer.setString("*", at: buffer.readerIndex)
        precondition(shared.getString(at: shared.readerIndex, length: 1) == first)
        let count = buffer.readableBytes
        // Longer than the memory that it lies in.
        buffer.writeRepeatingByte(UInt8(ascii: "+"), count: count)
        buffer.moveWriterIndex(to: buffer.readerIndex + count)
        buffer.setString(first ?? "", at: buffer.readerIndex)
      }
      let alone = Keeper { buffer in
        // Nobody else has it: it is written to and made longer where it lies.
        for place in buffer.readerIndex..<buffer.writerIndex {
          guard let byte: UInt8 = buffer.getInteger(at: place) else { return }
          buffer.setInteger(byte == UInt8(ascii: ".") ? UInt8(ascii: ",") : byte, at: place)
        }
        let count = buffer.readableBytes
        buffer.reserveCapacity(minimumWritableBytes: 3 * count)
        buffer.writeRepeatingByte(UInt8(ascii: "+"), count: count)
        buffer.moveWriterIndex(to: buffer.readerIndex + count)
      }
      for (handler, expected) in [(keeper, "."), (alone, ",")] {
        try await withServer(handler, poolBytes: 1 << 20) { loop, address in
          let peers = try (0..<4).map { _ in try PlainSocket(connectedTo: address) }
          let text = Self.text(100_000)
          for peer in peers {
            let before = handler.bytes
            try peer.send(text)
            try await wait { handler.bytes == before + text.utf8.count }
          }
          let all = [String](repeating: text, count: peers.count).joined()
          #expect(handler.text == all.replacing(".", with: expected))
          // More than may be out at a time: what was written to went home.
          #expect(loop.bytesHandedOver > Self.receiveBytes(1 << 20) / 2)
        }
      }
    }

    /// Slots that handlers keep are not there for what comes. When half of them are out, what comes is copied, and everybody is served.
    @Test func aHandlerThatKeepsEverythingStopsNobody() async throws {
      let keeper = Keeper()
      try await withServer(keeper, poolBytes: 1 << 20) { loop, address in
        let text = Self.text(6 << 20)
        let peer = try PlainSocket(connectedTo: address)
        try peer.send(text)
        try await wait { keeper.bytes == text.utf8.count }
        #expect(loop.bytesHandedOver > 0 && loop.bytesHandedOver <= Self.receiveBytes(1 << 20) / 2)
        let other = try PlainSocket(connectedTo: address)
        try other.send("other")
        try await wait { keeper.bytes == text.utf8.count + 5 }
        #expect(keeper.text == text + "other")
        // Once they are back, what comes is handed over again.
        _ = keeper.take()
        let before = loop.bytesHandedOver
        while loop.bytesHandedOver == before {
          let count = keeper.bytes + 65_536
          try peer.send(Self.text(65_536))
          try await wait { keeper.bytes == count }
          _ = keeper.take()
        }
      }
    }

    @Test func whatIsKeptIsGivenBackOnAnyThread() async throws {
      let keeper = Keeper()
      try await withServer(keeper, poolBytes: 4 << 20) { loop, address in
        let peer = try PlainSocket(connectedTo: address)
        for round in 0..<50 {
          let text = Self.text(100_000, seed: round)
          try peer.send(text)
          try await wait { keeper.bytes == text.utf8.count }
          var kept = keeper.take()
          #expect(kept.map { String(buffer: $0) }.joined() == text)
          // Nobody else has them, so these grow out of their slots.
          for place in kept.indices where place % 2 == 0 { kept[place].writeString("!") }
          let parts = kept.map { NIOLockedValueBox([$0]) }
          kept = []
          DispatchQueue.concurrentPerform(iterations: parts.count) { place in
            parts[place].withLockedValue { part in
              part[0].writeString("!")
              part = []
            }
          }
        }
        #expect(loop.bytesHandedOver > Self.receiveBytes(4 << 20), "slots do not come home")
      }
    }

    /// What is sent on lies in the slot until the kernel has taken it.
    @Test func whatIsSentOnIsSentFromWhereItWasReceived() async throws {
      final class Echo: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.write(data, promise: nil) }
        func channelReadComplete(context: ChannelHandlerContext) { context.flush() }
      }
      try await withServer(Echo()) { loop, address in
        let peer = try PlainSocket(connectedTo: address)
        for round in 0..<40 {
          let text = Self.text(10_000 + 5_000 * round, seed: round)
          async let sent: Void = Task.detached { try peer.send(text) }.value
          let came = try await Task.detached { try peer.receive(text.utf8.count) }.value
          #expect(came == text)
          try await sent
        }
        #expect(loop.bytesHandedOver > 0)
      }
    }
  }
#endif
