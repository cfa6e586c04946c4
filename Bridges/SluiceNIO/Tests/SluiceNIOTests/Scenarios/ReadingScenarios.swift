import NIOCore
import Testing

/// When a channel reads, and what it is told.
extension Scenarios {
  @Suite struct Reading {
    @Test func anEchoInPiecesOfManySizes() async throws {
      let log = try await expectSame { stage in
        let server = try await stage.listen(.pace) { _ in [Script.echo()] }
        let total = 1_500_000
        let client = try await stage.connect(to: server, .pace) { _ in
          var count = 0
          return [
            Script { script in
              script.read = { context, buffer in
                for byte in buffer.readableBytesView {
                  if byte != UInt8(truncatingIfNeeded: count &* 31 &+ count >> 8) { context.close(promise: nil) }
                  count += 1
                }
                if count == total { context.close(promise: nil) }
              }
            }
          ]
        }
        var sent = 0
        var size = 1
        while sent < total {
          let end = min(sent + size, total)
          let bytes = (sent..<end).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
          client.write(ByteBuffer(bytes: bytes), promise: nil)
          if size % 3 == 0 { client.flush() }
          sent = end
          size = size * 2 % 65_521
        }
        try await stage.value(client.send(ByteBuffer()))
      }
      #expect(log.lines(of: "client").contains("received 1500000 bytes in all"))
      #expect(log.lines(of: "child").contains("received 1500000 bytes in all"))
    }

    @Test func withoutAutoReadOneReadBringsOneBatch() async throws {
      try await expectSame { stage in
        let server = try await stage.listen(configure: { $0.childChannelOption(.autoRead, value: false) })
        let client = try await stage.connect(to: server)
        let child = try await stage.child()
        try await stage.value(client.send("one"))
        try await stage.rest()
        stage.log.note("child", "-- first read")
        child.read()
        try await stage.rest()
        try await stage.value(client.send("two"))
        try await stage.rest()
        stage.log.note("child", "-- second read")
        child.read()
        try await stage.rest()
        try await stage.value(child.end())
      }
    }

    @Test func aReadThatIsAskedForEarlyIsKept() async throws {
      try await expectSame { stage in
        let server = try await stage.listen(configure: { $0.childChannelOption(.autoRead, value: false) })
        let client = try await stage.connect(to: server)
        let child = try await stage.child()
        child.read()
        child.read()
        await stage.settle()
        try await stage.value(client.send("one"))
        try await stage.rest()
        try await stage.value(client.send("two"))
        try await stage.rest()
        try await stage.value(child.end())
      }
    }

    @Test func autoReadThatIsSwitchedOffAndOn() async throws {
      try await expectSame { stage in
        let server = try await stage.listen()
        let client = try await stage.connect(to: server)
        let child = try await stage.child()
        try await stage.value(client.send("one"))
        try await stage.rest()
        try await stage.value(child.setOption(.autoRead, value: false))
        stage.log.note("child", "-- off")
        try await stage.value(client.send("two"))
        try await stage.rest()
        stage.log.note("child", "-- on")
        try await stage.value(child.setOption(.autoRead, value: true))
        try await stage.rest()
        try await stage.value(child.end())
      }
    }

    @Test func theEndOfAPeerThatNobodyReads() async throws {
      try await expectSame { stage in
        let server = try await stage.listen(configure: { $0.childChannelOption(.autoRead, value: false) })
        let client = try await stage.connect(to: server)
        let child = try await stage.child()
        try await stage.value(client.send("bytes"))
        try await stage.value(client.end())
        try await stage.rest()
        stage.log.note("child", "-- read")
        child.read()
        try await stage.rest()
        child.read()
        try await stage.rest()
        try? await stage.value(child.end())
      }
    }

    @Test func aServerThatDoesNotReadAcceptsNothing() async throws {
      try await expectSame { stage in
        let server = try await stage.listen(configure: {
          $0.serverChannelOption(.autoRead, value: false).childChannelOption(.autoRead, value: false)
        })
        let client = try await stage.connect(to: server)
        try await stage.rest()
        stage.log.note("server", "-- read")
        server.read()
        let child = try await stage.child()
        await stage.settle()
        try await stage.value(child.end())
        try await stage.value(client.closeFuture)
      }
    }

    @Test func channelsThatAreAcceptedTogether() async throws {
      try await expectSame { stage in
        let server = try await stage.listen { _ in [Script.echo()] }
        for _ in 0..<5 {
          let client = try await stage.connect(to: server, .sums) { _ in
            [Script().whenRead { context, _ in context.close(promise: nil) }]
          }
          try await stage.value(client.send("x"))
          try await stage.value(client.closeFuture)
          try await stage.value(stage.child().closeFuture)
        }
      }
    }
  }
}
