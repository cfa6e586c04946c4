import Dispatch
import NIOCore
import Testing

@testable import SluiceNIO

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite(.serialized) struct ReadingTests {
  private static let quiet: @Sendable (any ServerBuilder) -> any ServerBuilder = {
    $0.childChannelOption(.autoRead, value: false)
  }

  /// Notes what is read, and the ends of batches.
  private static func notes(_ stage: Stage) -> Stage.Handlers {
    { _ in
      [
        Script { script in
          script.read = { stage.log.note("reads", String(buffer: $1)) }
          script.readComplete = { _ in stage.log.note("reads", "complete") }
        }
      ]
    }
  }

  /// Waits until the channel has so many bytes that nobody has read.
  private func wait(_ stage: Stage, until count: Int, in channel: RingStreamChannel) async throws {
    while try await stage.value(
      channel.eventLoop.submit { channel.state.parked.reduce(0) { $0 + $1.readableBytes } }
    ) < count {
      await stage.settle()
    }
  }

  @Test func nothingIsReadThatNobodyWants() async throws {
    let log = try await onRing { stage in
      try await stage.withConnection(configure: Self.quiet, handlers: Self.notes(stage)) { channel, peer in
        try peer.send("hello")
        try await wait(stage, until: 5, in: channel)
        #expect(stage.log.lines(of: "reads").isEmpty)
        channel.read()
        await stage.settle()
        #expect(stage.log.lines(of: "reads") == ["hello", "complete"])
        try peer.send("again")
        try await wait(stage, until: 5, in: channel)
        #expect(stage.log.lines(of: "reads").count == 2)
        try await stage.value(channel.end())
      }
    }
    #expect(log.lines(of: "reads") == ["hello", "complete"], "a close drops what nobody has read")
  }

  @Test func oneReadTakesOneBatch() async throws {
    let log = try await onRing { stage in
      try await stage.withConnection(
        configure: { Self.quiet($0).childChannelOption(.maxMessagesPerRead, value: 2) },
        handlers: Self.notes(stage)
      ) { channel, peer in
        for (number, text) in ["a", "b", "c"].enumerated() {
          try peer.send(text)
          try await wait(stage, until: number + 1, in: channel)
        }
        channel.read()
        await stage.settle()
        #expect(stage.log.lines(of: "reads") == ["a", "b", "complete"])
        channel.read()
        await stage.settle()
        try await stage.value(channel.end())
      }
    }
    #expect(log.lines(of: "reads") == ["a", "b", "complete", "c", "complete"])
  }

  @Test func theEndOfTheStreamComesBehindWhatNobodyHasRead() async throws {
    let log = try await onRing { stage in
      try await stage.withConnection(configure: Self.quiet, handlers: Self.notes(stage)) { channel, peer in
        try peer.send("hello")
        try await wait(stage, until: 5, in: channel)
        peer.endOutput()
        try await stage.value(channel.closeFuture)
      }
    }
    #expect(log.lines(of: "reads") == ["hello", "complete", "complete"])
  }

  @Test func aResetComesBehindWhatNobodyHasRead() async throws {
    let log = try await onRing { stage in
      try await stage.withConnection(configure: Self.quiet, handlers: Self.notes(stage)) { channel, peer in
        try peer.send("hello")
        try await wait(stage, until: 5, in: channel)
        peer.reset()
        try await stage.value(channel.closeFuture)
      }
    }
    #expect(log.lines(of: "reads") == ["hello", "complete"])
    #expect(log.lines(of: "child").contains("caught errno \(ECONNRESET)"))
  }

  @Test func whatNobodyReadsIsBoundedAndAllOfItComesInTheEnd() async throws {
    let count = 8 << 20
    let log = try await onRing { stage in
      try await stage.withConnection(configure: Self.quiet) { channel, peer in
        // On a thread of its own, because it blocks until somebody reads.
        let sent = channel.eventLoop.makePromise(of: Void.self)
        DispatchQueue.global().async {
          sent.completeWith(Result { try peer.send(String(repeating: "x", count: count)) })
          peer.endOutput()
        }
        let bound = RingStreamChannel.mostParked
        try await wait(stage, until: bound, in: channel)
        for _ in 0..<10 { await stage.settle() }
        let parked = try await stage.value(
          channel.eventLoop.submit { channel.state.parked.reduce(0) { $0 + $1.readableBytes } }
        )
        // The kernel may overshoot by one slot of the pool.
        #expect(parked <= 2 * bound)
        try await stage.value(channel.setOption(.autoRead, value: true))
        try await stage.value(sent.futureResult)
        try await stage.value(channel.closeFuture)
      }
    }
    #expect(log.lines(of: "child").contains("received \(count) bytes in all"))
  }

  @Test func aClosedInputDropsWhatComes() async throws {
    let log = try await onRing { stage in
      try await stage.withConnection(
        configure: { Self.quiet($0).childChannelOption(.allowRemoteHalfClosure, value: true) },
        handlers: Self.notes(stage)
      ) { channel, peer in
        try peer.send("unread")
        try await wait(stage, until: 6, in: channel)
        try await stage.value(channel.end(.input))
        #expect(try await stage.failure(of: channel.end(.input)) as? ChannelError == .inputClosed)
        channel.read()
        await stage.settle()
        #expect(channel.isActive)
        try await stage.value(channel.send(ByteBuffer(string: "still here")))
        #expect(try peer.receive(10) == "still here")
        // The second half closes all.
        try await stage.value(channel.end(.output))
        try await stage.value(channel.closeFuture)
      }
    }
    #expect(log.lines(of: "reads") == ["complete"], "the end of the input, and no bytes")
    #expect(log.lines(of: "child").contains("event inputClosed"))
  }
}
