import NIOCore
import Testing

/// Water marks.
extension Scenarios {
  @Suite struct Writability {
    @Test func unflushedBytesCountAndTheLowMarkMustBePassed() async throws {
      let log = try await expectSame { stage in
        let server = try await stage.listen(.sums)
        let client = try await stage.connect(
          to: server,
          .sums,
          configure: {
            $0.channelOption(.writeBufferWaterMark, value: .init(low: 10, high: 20))
          }
        )
        try await stage.value(
          client.eventLoop.submit {
            for count in [10, 10, 1, 5] {
              client.write(ByteBuffer(repeating: 1, count: count), promise: nil)
              stage.log.note("marks", "\(count): \(client.isWritable)")
            }
          }
        )
        try await stage.value(client.send(ByteBuffer()))
        await stage.settle()
        stage.log.note("marks", "flushed: \(client.isWritable)")
        let left = try await stage.value(client.getOption(.bufferedWritableBytes))
        stage.log.note("marks", "left: \(left)")
        try await stage.value(client.end())
      }
      #expect(log.lines(of: "client").filter { $0.hasPrefix("writable") } == ["writable: false", "writable: true"])
    }

    @Test func aPeerThatReadsLaterMakesAChannelWritableAgain() async throws {
      try await expectSame { stage in
        let server = try await stage.listen(.sums, configure: { $0.childChannelOption(.autoRead, value: false) })
        let client = try await stage.connect(to: server, .sums)
        let child = try await stage.child()
        let written = client.send(ByteBuffer(repeating: 1, count: 16 << 20))
        stage.log.follow(written, "promises", "much")
        await stage.settle()
        stage.log.note("marks", "\(client.isWritable)")
        try await stage.value(child.setOption(.autoRead, value: true))
        try await stage.value(written)
        await stage.settle()
        stage.log.note("marks", "\(client.isWritable)")
        try await stage.value(client.end())
      }
    }

    @Test func aChannelThatWritesWhenItBecomesWritable() async throws {
      try await expectSame { stage in
        let server = try await stage.listen(.sums)
        let client = try await stage.connect(
          to: server,
          .sums,
          configure: {
            $0.channelOption(.writeBufferWaterMark, value: .init(low: 1000, high: 100_000))
          }
        ) { _ in
          var rounds = 0
          return [
            Script { script in
              script.writabilityChanged = { context in
                guard context.channel.isWritable else { return }
                rounds += 1
                if rounds == 5 { return context.close(promise: nil) }
                context.writeAndFlush(NIOAny(ByteBuffer(repeating: 1, count: 200_000)), promise: nil)
              }
            }
          ]
        }
        client.writeAndFlush(ByteBuffer(repeating: 1, count: 200_000), promise: nil)
        try await stage.value(client.closeFuture)
      }
    }
  }
}
