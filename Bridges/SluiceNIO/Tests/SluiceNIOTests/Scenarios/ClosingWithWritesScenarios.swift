import NIOCore
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Channels that are closed while something waits to be written, and what write promises are told.
extension Scenarios {
  @Suite struct ClosingWithWrites {
    @Test func whatWasFlushedIsSentAndWhatWasNotIsDropped() async throws {
      try await expectSame { stage in
        let server = try await stage.listen()
        let client = try await stage.connect(to: server)
        stage.log.follow(client.queue("one "), "promises", "one")
        stage.log.follow(client.send("two"), "promises", "two")
        stage.log.follow(client.queue("three"), "promises", "three")
        stage.log.follow(client.end(), "promises", "close")
      }
    }

    @Test func whatThePeerDoesNotTakeIsDropped() async throws {
      try await expectSame { stage in
        let server = try await stage.listen(.ends, configure: { $0.childChannelOption(.autoRead, value: false) })
        let client = try await stage.connect(to: server, .sums)
        let child = try await stage.child()
        // More than both sockets have room for.
        stage.log.follow(client.send(ByteBuffer(repeating: 1, count: 32 << 20)), "promises", "much")
        stage.log.follow(client.send("more"), "promises", "more")
        await stage.settle()
        stage.log.follow(client.end(), "promises", "close")
        try await stage.value(client.closeFuture)
        // What the child reads of it depends on the size of buffers in the kernel; so it goes without a word.
        _ = try? await stage.value(child.end())
      }
    }

    @Test func promisesAreKeptInOrderAndEmptyWritesHaveTheirs() async throws {
      let log = try await expectSame { stage in
        let server = try await stage.listen(.sums)
        let client = try await stage.connect(to: server, .sums)
        var last = client.eventLoop.makeSucceededVoidFuture()
        for (index, count) in [5, 0, 0, 70_000, 0, 1, 300_000, 0].enumerated() {
          last = client.queue(ByteBuffer(repeating: 1, count: count))
          stage.log.follow(last, "promises", "\(index)")
        }
        client.flush()
        try await stage.value(last)
        try await stage.value(client.end())
      }
      #expect(log.lines(of: "promises") == (0..<8).map { "\($0): done" })
    }

    @Test func aPromiseMayWriteFlushAndClose() async throws {
      try await expectSame { stage in
        let server = try await stage.listen(.sums)
        let client = try await stage.connect(to: server)
        let log = stage.log
        log.follow(client.queue("first"), "promises", "first")
        client.queue("second").whenSuccess {
          log.note("promises", "second, writes third")
          client.send("third").whenSuccess {
            log.note("promises", "third, writes fourth and closes")
            log.follow(client.queue("fourth"), "promises", "fourth")
            log.follow(client.end(), "promises", "close")
            log.follow(client.send("fifth"), "promises", "fifth")
          }
        }
        client.flush()
      }
    }

    @Test func aPromiseThatCloseFailsMayWriteAndClose() async throws {
      try await expectSame { stage in
        let server = try await stage.listen()
        let client = try await stage.connect(to: server)
        let log = stage.log
        client.queue("never").whenFailure { error in
          log.note("promises", "never: \(describe(error)), \(client.isActive)")
          log.follow(client.send("again"), "promises", "again")
          log.follow(client.end(), "promises", "close again")
        }
        log.follow(client.queue("nor"), "promises", "nor")
        log.follow(client.end(), "promises", "close")
      }
    }

    @Test func writesBeforeAChannelIsActiveAreSentThen() async throws {
      try await expectSame { stage in
        let server = try await stage.listen { _ in [Script().whenReadComplete { $0.close(promise: nil) }] }
        let log = stage.log
        let client = try await stage.connect(to: server) { _ in
          [
            Script { script in
              script.added = { context in
                log.follow(context.channel.send("early"), "promises", "early")
              }
            }
          ]
        }
        try await stage.value(client.closeFuture)
      }
    }

    @Test func aResetCloseDropsEverything() async throws {
      try await expectSame { stage in
        let server = try await stage.listen(.ends, configure: { $0.childChannelOption(.autoRead, value: false) })
        let client = try await stage.connect(to: server, .sums)
        let child = try await stage.child()
        let options = try #require(client as? any SocketOptionProvider)
        try await stage.value(options.setSoLinger(linger(l_onoff: 1, l_linger: 0)))
        stage.log.follow(client.send(ByteBuffer(repeating: 1, count: 32 << 20)), "promises", "much")
        await stage.settle()
        stage.log.follow(client.end(), "promises", "close")
        try await stage.value(client.closeFuture)
        _ = try? await stage.value(child.closeFuture)
      }
    }
  }
}
