import NIOCore
import Testing

/// Handlers of SwiftNIO's own, files, and more than one loop.
extension Scenarios {
  @Suite struct Handlers {
    @Test func aConnectionThatIsIdleIsClosed() async throws {
      try await expectSame { stage in
        let server = try await stage.listen { _ in
          [
            Script { script in
              // From then on, so that the bytes are not late.
              script.read = { context, _ in
                let idle = IdleStateHandler(allTimeout: .milliseconds(30))
                #expect(throws: Never.self) {
                  try context.pipeline.syncOperations.addHandler(idle, position: .before(context.handler))
                }
              }
              script.event = { context, event in
                if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
              }
            }
          ]
        }
        let client = try await stage.connect(to: server)
        try await stage.value(client.send("hello"))
        try await stage.value(client.closeFuture)
      }
    }

    @Test func anEchoThatReadsNoFasterThanItWrites() async throws {
      let log = try await expectSame { stage in
        let server = try await stage.listen(.ends) { _ in [BackPressureHandler(), Script.echo()] }
        let client = try await stage.connect(
          to: server,
          .ends,
          configure: {
            $0.channelOption(.autoRead, value: false).channelOption(.allowRemoteHalfClosure, value: true)
          }
        ) { _ in
          var received = 0
          return [
            Script { script in
              script.read = { context, buffer in
                received += buffer.readableBytes
                guard received == 4 << 20 else { return }
                stage.log.note("bytes", "all came back")
                context.close(promise: nil)
              }
            }
          ]
        }
        client.write(ByteBuffer(repeating: 1, count: 4 << 20), promise: nil)
        client.flush()
        await stage.settle()
        try await stage.value(client.setOption(.autoRead, value: true))
        try await stage.value(client.closeFuture)
      }
      #expect(log.lines(of: "bytes") == ["all came back"])
    }

    @Test func partsOfAFileStandBetweenBuffers() async throws {
      let log = try await expectSame { stage in
        try await withTemporaryDirectory { directory in
          let text = String(repeating: "0123456789", count: 50_000)
          let handle = try makeFile(directory + "/f", holding: text)
          let server = try await stage.listen(.ends)
          let peer = try PlainSocket(connectedTo: #require(server.localAddress))
          let child = try await stage.child()
          await stage.settle()
          let parts: [(String, IOData)] = [
            ("head", .byteBuffer(ByteBuffer(string: "head "))),
            ("all", .fileRegion(FileRegion(fileHandle: handle, readerIndex: 0, endIndex: text.utf8.count))),
            ("nothing", .fileRegion(FileRegion(fileHandle: handle, readerIndex: 7, endIndex: 7))),
            ("middle", .byteBuffer(ByteBuffer(string: " middle "))),
            ("part", .fileRegion(FileRegion(fileHandle: handle, readerIndex: 13, endIndex: 16))),
            ("tail", .byteBuffer(ByteBuffer(string: " tail"))),
          ]
          for (name, part) in parts { stage.log.follow(child.queue(part), "promises", name) }
          child.flush()
          let wanted = "head \(text) middle 345 tail"
          stage.log.note("bytes", "as written: \(try peer.receive(wanted.utf8.count) == wanted)")
          try await stage.value(child.end())
          try handle.close()
        }
      }
      #expect(log.lines(of: "bytes") == ["as written: true"])
      #expect(log.lines(of: "promises").count == 6)
    }

    @Test func connectionsOnMoreThanOneLoop() async throws {
      let log = try await expectSame(threads: 2) { stage in
        let server = try await stage.listen { _ in [Script.echo()] }
        for number in 0..<6 {
          let client = try await stage.connect(to: server) { _ in
            [Script().whenRead { context, _ in context.close(promise: nil) }]
          }
          try await stage.value(client.send("\(number)"))
          try await stage.value(client.closeFuture)
          try await stage.value(stage.child().closeFuture)
        }
      }
      #expect(log.lines(of: "child 6").contains("received 5"))
    }

    @Test func handlersThatAreRemovedAndAddedInTheMiddle() async throws {
      try await expectSame { stage in
        let server = try await stage.listen { _ in [Script.echo()] }
        let client = try await stage.connect(to: server)
        let child = try await stage.child()
        try await stage.value(client.send("one"))
        try await stage.until("client", "received one")
        try await stage.value(
          child.eventLoop.submit {
            let pipeline = child.pipeline.syncOperations
            try pipeline.addHandler(
              Script { script in
                script.added = { _ in stage.log.note("second", "added") }
                script.removed = { _ in stage.log.note("second", "removed") }
                script.read = { context, _ in context.fireErrorCaught(ChannelError.operationUnsupported) }
              },
              position: .first
            )
          }
        )
        try await stage.value(client.send("two"))
        try await stage.rest()
        try await stage.value(client.end())
      }
    }
  }
}
