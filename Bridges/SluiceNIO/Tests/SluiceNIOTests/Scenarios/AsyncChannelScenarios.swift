import NIOCore
import Testing

/// `NIOAsyncChannel` on both systems.
extension Scenarios {
  @Suite struct AsyncChannel {
    private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private static func listen(
      _ stage: Stage,
      halfClosure: Bool,
      strategy: NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark = .init(
        lowWatermark: 2,
        highWatermark: 10
      )
    ) async throws -> NIOAsyncChannel<Connection, Never> {
      try await stage.server
        .serverChannelInitializer { channel in
          stage.cast(channel, "server")
          return channel.eventLoop.makeSucceededVoidFuture()
        }
        .childChannelOption(.allowRemoteHalfClosure, value: halfClosure)
        .bind(to: .init(ipAddress: "127.0.0.1", port: 0), serverBackPressureStrategy: nil) { channel in
          stage.cast(channel, "child")
          return wrap(stage, channel, "child", halfClosure: halfClosure, strategy: strategy)
        }
    }

    private static func wrap(
      _ stage: Stage,
      _ channel: any Channel,
      _ name: String,
      halfClosure: Bool,
      strategy: NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark = .init(
        lowWatermark: 2,
        highWatermark: 10
      )
    ) -> EventLoopFuture<Connection> {
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(Recorder(stage.log, name, .ends))
        return try Connection(
          wrappingChannelSynchronously: channel,
          configuration: .init(backPressureStrategy: strategy, isOutboundHalfClosureEnabled: halfClosure)
        )
      }
    }

    private static func connect(
      _ stage: Stage,
      to server: NIOAsyncChannel<Connection, Never>,
      halfClosure: Bool
    ) async throws -> Connection {
      try await stage.client
        .channelOption(.allowRemoteHalfClosure, value: halfClosure)
        .connect(to: try #require(server.channel.localAddress)) { channel in
          stage.cast(channel, "client")
          return wrap(stage, channel, "client", halfClosure: halfClosure)
        }
    }

    /// Serves one connection with `serve` while `use` has the other end of it.
    private static func converse(
      _ stage: Stage,
      halfClosure: Bool,
      strategy: NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark = .init(
        lowWatermark: 2,
        highWatermark: 10
      ),
      serve: @escaping @Sendable (Connection) async throws -> Void,
      use: @escaping @Sendable (Connection) async throws -> Void
    ) async throws {
      let server = try await listen(stage, halfClosure: halfClosure, strategy: strategy)
      try await server.executeThenClose { connections in
        try await withThrowingTaskGroup(of: Void.self) { tasks in
          let client = try await connect(stage, to: server, halfClosure: halfClosure)
          tasks.addTask { try await use(client) }
          for try await connection in connections {
            try await serve(connection)
            break
          }
          try await tasks.waitForAll()
        }
      }
    }

    private static let echo: @Sendable (Connection) async throws -> Void = { connection in
      try await connection.executeThenClose { inbound, outbound in
        for try await buffer in inbound { try await outbound.write(buffer) }
      }
    }

    @Test func anEchoThatHalfClosureEnds() async throws {
      let log = try await expectSame { stage in
        try await Self.converse(stage, halfClosure: true, serve: Self.echo) { client in
          try await client.executeThenClose { inbound, outbound in
            for size in [1, 10_000, 300_000] { try await outbound.write(ByteBuffer(repeating: 5, count: size)) }
            outbound.finish()
            var received = 0
            for try await buffer in inbound { received += buffer.readableBytes }
            stage.log.note("bytes", "received \(received)")
          }
        }
      }
      #expect(log.lines(of: "bytes") == ["received 310001"])
    }

    @Test func anEchoThatTheClientEndsByClosing() async throws {
      let log = try await expectSame { stage in
        try await Self.converse(stage, halfClosure: false, serve: Self.echo) { client in
          try await client.executeThenClose { inbound, outbound in
            var iterator = inbound.makeAsyncIterator()
            for text in ["one", "two"] {
              try await outbound.write(ByteBuffer(string: text))
              stage.log.note("texts", String(buffer: try await iterator.next() ?? ByteBuffer()))
            }
          }
        }
      }
      #expect(log.lines(of: "texts") == ["one", "two"])
    }

    @Test func whatWasWrittenBeforeTheEndOfTheScopeArrives() async throws {
      try await expectSame { stage in
        try await Self.converse(stage, halfClosure: false) { connection in
          try await connection.executeThenClose { inbound, outbound in
            for try await _ in inbound { break }
            try await outbound.write(ByteBuffer(repeating: 3, count: 100_000))
          }
        } use: { client in
          try await client.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: "go"))
            var received = 0
            for try await buffer in inbound { received += buffer.readableBytes }
            stage.log.note("bytes", "received \(received)")
          }
        }
      }
    }

    @Test func aReaderThatIsSlowHoldsThePeerBack() async throws {
      let log = try await expectSame { stage in
        try await Self.converse(
          stage,
          halfClosure: true,
          strategy: .init(lowWatermark: 1, highWatermark: 2)
        ) { connection in
          try await connection.executeThenClose { inbound, outbound in
            var received = 0
            for try await buffer in inbound {
              if received == 0 { try await Task.sleep(for: .milliseconds(100)) }
              received += buffer.readableBytes
            }
            stage.log.note("bytes", "received \(received)")
            outbound.finish()
          }
        } use: { client in
          try await client.executeThenClose { inbound, outbound in
            for _ in 0..<64 { try await outbound.write(ByteBuffer(repeating: 5, count: 100_000)) }
            outbound.finish()
            for try await _ in inbound {}
          }
        }
      }
      #expect(log.lines(of: "bytes") == ["received 6400000"])
    }
  }
}
