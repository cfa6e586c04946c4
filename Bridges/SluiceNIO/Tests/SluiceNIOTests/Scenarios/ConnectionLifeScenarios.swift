import NIOCore
import Testing

/// From the first event of a connection to its last, whoever ends it and where.
extension Scenarios {
  @Suite struct ConnectionLife {
    @Test func anEchoThatTheClientEnds() async throws {
      let log = try await expectSame { stage in
        let server = try await stage.listen { _ in [Script.echo()] }
        let client = try await stage.connect(to: server) { _ in
          [Script().whenRead { context, _ in context.close(promise: nil) }]
        }
        stage.log.follow(client.send("hello"), "promises", "hello")
      }
      #expect(log.lines(of: "child").contains("received hello"))
      #expect(
        log.lines(of: "client").last == "is closed: done" || log.lines(of: "client").last?.hasPrefix("removed") == true
      )
    }

    @Test func anEchoThatTheServerEnds() async throws {
      try await expectSame { stage in
        let server = try await stage.listen { _ in
          [
            Script.echo { script in
              script.readComplete = { context in
                context.flush()
                context.close(promise: nil)
              }
            }
          ]
        }
        let client = try await stage.connect(to: server)
        stage.log.follow(client.send("hello"), "promises", "hello")
      }
    }

    @Test(arguments: ["client", "child"]) func aChannelThatClosesWhenItBecomesActive(who: String) async throws {
      try await expectSame { stage in
        let closing: Stage.Handlers = { _ in [Script().whenActive { $0.close(promise: nil) }] }
        let server = try await stage.listen(child: who == "child" ? closing : Stage.none)
        let client = try await stage.connect(to: server, client: who == "client" ? closing : Stage.none)
        try await stage.value(client.closeFuture)
      }
    }

    @Test(arguments: ["client", "child"]) func aChannelThatClosesInARead(who: String) async throws {
      try await expectSame { stage in
        let closing: Stage.Handlers = { _ in [Script().whenRead { context, _ in context.close(promise: nil) }] }
        let server = try await stage.listen(child: who == "child" ? closing : Stage.echo)
        let client = try await stage.connect(to: server, client: who == "client" ? closing : Stage.none)
        stage.log.follow(client.send("x"), "promises", "x")
      }
    }

    @Test(arguments: ["client", "child"]) func aChannelThatClosesWhenAReadIsComplete(who: String) async throws {
      try await expectSame { stage in
        let closing: Stage.Handlers = { _ in [Script().whenReadComplete { $0.close(promise: nil) }] }
        let server = try await stage.listen(child: who == "child" ? closing : Stage.echo)
        let client = try await stage.connect(to: server, client: who == "client" ? closing : Stage.none)
        stage.log.follow(client.send("x"), "promises", "x")
      }
    }

    @Test func closingAgainFromTheLastEvents() async throws {
      try await expectSame { stage in
        let log = stage.log
        let again = { @Sendable (what: String) -> Script.Body in
          { context in log.follow(context.channel.close(), "again", "close when \(what)") }
        }
        let handlers: Stage.Handlers = { _ in
          [
            Script { script in
              script.inactive = again("inactive")
              script.unregistered = again("unregistered")
              script.removed = again("removed")
            }
          ]
        }
        let server = try await stage.listen()
        let client = try await stage.connect(to: server, client: handlers)
        // From the loop: from another thread, what the second comes before is nobody's promise.
        try await stage.value(
          client.eventLoop.submit {
            log.follow(client.end(), "calls", "first close")
            log.follow(client.end(), "calls", "second close")
          }
        )
      }
    }

    @Test func whatIsAskedOfAClosedChannelFails() async throws {
      try await expectSame { stage in
        let server = try await stage.listen()
        let client = try await stage.connect(to: server)
        try await stage.value(client.end())
        try await stage.value(client.closeFuture)
        let address = try #require(server.localAddress)
        let asked: [(String, EventLoopFuture<Void>)] = [
          ("write", client.send("x")),
          ("close", client.end()), ("half-close", client.end(.output)),
          ("connect", client.join(address)), ("bind", client.take(address)),
          ("register", client.enroll()), ("event", client.ask("x")),
          ("option", client.setOption(.autoRead, value: false)),
        ]
        for (what, future) in asked {
          stage.log.follow(future, "asked", what)
          _ = try? await stage.value(future)
        }
        client.read()
        client.flush()
        await stage.settle()
        stage.log.note("asked", "\(client.isActive) \(client.isWritable) \(client.localAddress == nil)")
      }
    }

    @Test func whatIsAskedOfAnActiveChannelAtTheWrongTimeFails() async throws {
      try await expectSame { stage in
        let server = try await stage.listen()
        let client = try await stage.connect(to: server)
        for (what, future) in [
          ("register", client.enroll()), ("event", client.ask("x")),
          ("write to the server", server.send("x")),
          ("event to the server", server.ask("x")),
          ("half-close of the server", server.end(.output)),
        ] {
          stage.log.follow(future, "asked", what)
          _ = try? await stage.value(future)
        }
        try await stage.value(client.end())
      }
    }

    @Test func aChildWhoseInitializerFailsIsClosed() async throws {
      struct NoRoom: Error {}
      try await expectSame { stage in
        let server = try await stage.value(
          stage.recordedServer()
            .childChannelInitializer { channel in
              stage.cast(channel, "child")
              return channel.eventLoop.makeFailedFuture(NoRoom())
            }
            .bind(to: .init(ipAddress: "127.0.0.1", port: 0))
        )
        let client = try await stage.connect(to: server)
        try await stage.value(client.closeFuture)
      }
    }

    @Test func aClientWhoseInitializerFailsIsClosed() async throws {
      struct NoRoom: Error {}
      try await expectSame { stage in
        let server = try await stage.listen()
        let address = try #require(server.localAddress)
        let future = stage.client.channelInitializer { channel in
          stage.cast(channel, "client")
          return channel.eventLoop.makeFailedFuture(NoRoom())
        }
        .connect(to: address)
        stage.log.follow(future, "connect", "connect")
        _ = try? await stage.value(future)
      }
    }

    @Test func aServerThatClosesLeavesItsConnections() async throws {
      try await expectSame { stage in
        let server = try await stage.listen { _ in [Script.echo()] }
        let client = try await stage.connect(to: server) { _ in
          [Script().whenRead { context, _ in context.close(promise: nil) }]
        }
        _ = try await stage.child()
        try await stage.value(server.end())
        try await stage.value(client.send("still here"))
      }
    }

    @Test func aServerThatIsToQuiesceCloses() async throws {
      try await expectSame { stage in
        let server = try await stage.listen()
        let client = try await stage.connect(to: server)
        let child = try await stage.child()
        server.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        try await stage.value(server.closeFuture)
        child.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        await stage.settle()
        try await stage.value(client.end())
      }
    }

    @Test func aGroupThatEndsClosesItsChannels() async throws {
      try await expectSame { stage in
        let server = try await stage.listen()
        let client = try await stage.connect(to: server)
        let child = try await stage.child()
        // Read by nobody, and not flushed.
        stage.log.follow(client.queue("x"), "promises", "unflushed")
        try await stage.value(child.eventLoop.submit {})
        await stage.endGroup()
      }
    }
  }
}
