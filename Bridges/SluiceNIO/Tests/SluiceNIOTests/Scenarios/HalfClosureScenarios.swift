import NIOCore
import Testing

/// One direction of a connection ends before the other.
extension Scenarios {
  @Suite struct HalfClosure {
    private static let allow: @Sendable (any ServerBuilder) -> any ServerBuilder = {
      $0.childChannelOption(.allowRemoteHalfClosure, value: true)
    }

    @Test func outputThatEndsIsAnEventWhereHalfClosureIsAllowed() async throws {
      let log = try await expectSame { stage in
        let server = try await stage.listen(configure: Self.allow) { _ in
          [
            Script.echo { script in
              script.event = { context, event in
                guard case .some(.inputClosed) = event as? ChannelEvent else { return }
                let channel = context.channel
                channel.send("last words").whenComplete { _ in channel.close(promise: nil) }
              }
            }
          ]
        }
        let client = try await stage.connect(to: server)
        try await stage.value(client.send("hello"))
        try await stage.until("client", "received hello")
        stage.log.follow(client.end(.output), "promises", "close output")
      }
      #expect(log.lines(of: "child").contains("event inputClosed"))
      #expect(log.lines(of: "client").contains { $0.hasPrefix("received") })
    }

    @Test func outputThatEndsClosesAPeerThatDoesNotAllowHalfClosure() async throws {
      try await expectSame { stage in
        let server = try await stage.listen()
        let client = try await stage.connect(to: server)
        stage.log.follow(client.end(.output), "promises", "close output")
      }
    }

    @Test func bytesInFrontOfTheEndAreReadBeforeIt() async throws {
      try await expectSame { stage in
        let server = try await stage.listen(.pace, configure: Self.allow) { _ in
          [Script().whenEvent { context, _ in context.close(promise: nil) }]
        }
        let client = try await stage.connect(to: server, .pace)
        client.write(ByteBuffer(repeating: 7, count: 300_000), promise: nil)
        stage.log.follow(client.send(ByteBuffer(repeating: 8, count: 100_000)), "promises", "write")
        stage.log.follow(client.end(.output), "promises", "close output")
      }
    }

    @Test func writingBehindTheEndFails() async throws {
      try await expectSame { stage in
        let server = try await stage.listen(configure: Self.allow)
        let client = try await stage.connect(to: server)
        let child = try await stage.child()
        for (what, future) in [
          ("close output", client.end(.output)), ("again", client.end(.output)),
          ("write", client.send("x")),
        ] {
          stage.log.follow(future, "promises", what)
          _ = try? await stage.value(future)
        }
        try await stage.until("child", "event inputClosed")
        try await stage.value(child.end())
      }
    }

    @Test func theEndWaitsForWritesThatAreNotFlushedYet() async throws {
      try await expectSame { stage in
        let server = try await stage.listen(.sums, configure: Self.allow)
        let client = try await stage.connect(to: server)
        let child = try await stage.child()
        stage.log.follow(client.send("flushed"), "promises", "flushed")
        stage.log.follow(client.queue("unflushed"), "promises", "unflushed")
        stage.log.follow(client.end(.output), "promises", "close output")
        await stage.settle()
        client.flush()
        await stage.settle()
        try await stage.rest()
        try await stage.value(child.end())
      }
    }

    @Test func inputThatIsClosedReadsNothingMore() async throws {
      try await expectSame { stage in
        let server = try await stage.listen { _ in [Script.echo()] }
        let client = try await stage.connect(
          to: server,
          configure: { $0.channelOption(.allowRemoteHalfClosure, value: true) }
        )
        let child = try await stage.child()
        for (what, mode) in [("close input", CloseMode.input), ("again", .input)] {
          let future = client.end(mode)
          stage.log.follow(future, "promises", what)
          _ = try? await stage.value(future)
          // The system ends what was closed.
          try await stage.until("client", "read complete")
        }
        try await stage.value(child.send("unheard"))
        await stage.settle()
        // Both halves: that is all of it.
        let future = client.end(.output)
        stage.log.follow(future, "promises", "close output")
        _ = try? await stage.value(future)
      }
    }

    @Test func closingTheOtherHalfClosesTheChannel() async throws {
      try await expectSame { stage in
        let server = try await stage.listen(configure: Self.allow) { _ in
          [Script().whenEvent { context, _ in context.close(mode: .output, promise: nil) }]
        }
        let client = try await stage.connect(to: server)
        stage.log.follow(client.end(.output), "promises", "close output")
      }
    }

    @Test func inputThatIsClosedClosesTheChannelWhereHalfClosureIsNotAllowed() async throws {
      try await expectSame { stage in
        let server = try await stage.listen()
        let client = try await stage.connect(to: server)
        stage.log.follow(client.end(.input), "promises", "close input")
        try await stage.value(client.closeFuture)
      }
    }

    @Test func bothSidesEndTheirOutput() async throws {
      try await expectSame { stage in
        let server = try await stage.listen(configure: Self.allow)
        let client = try await stage.connect(
          to: server,
          configure: { $0.channelOption(.allowRemoteHalfClosure, value: true) }
        )
        let child = try await stage.child()
        try await stage.value(client.end(.output))
        try await stage.until("child", "event inputClosed")
        try await stage.value(child.end(.output))
        try await stage.rest()
        try? await stage.value(client.end())
        try? await stage.value(child.end())
      }
    }
  }
}
