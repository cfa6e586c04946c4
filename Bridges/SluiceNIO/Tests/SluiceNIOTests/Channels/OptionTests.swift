import NIOCore
import Testing

@testable import SluiceNIO

@Suite(.serialized) struct OptionTests {
  @Test func optionsAreKept() async throws {
    try await onRing { stage in
      try await stage.withConnection { channel, _ in
        func expectKept<Option: ChannelOption>(_ option: Option, _ value: Option.Value) async throws
        where Option.Value: Equatable & Sendable {
          try await stage.value(channel.setOption(option, value: value))
          #expect(try await stage.value(channel.getOption(option)) == value)
        }
        try await expectKept(.autoRead, false)
        try await expectKept(.allowRemoteHalfClosure, true)
        try await expectKept(.maxMessagesPerRead, 3)
        try await expectKept(.writeSpin, 2)
        try await expectKept(.connectTimeout, .seconds(3))
        try await expectKept(.socketOption(.so_keepalive), 1)
        #expect(try await stage.value(channel.getOption(.bufferedWritableBytes)) == 0)
        try await stage.value(channel.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 9)))
        #expect(try await stage.value(channel.getOption(.recvAllocator)) is FixedSizeRecvByteBufferAllocator)
      }
    }
  }

  @Test func optionsAreThereAtOnceOnTheLoop() async throws {
    try await onRing { stage in
      try await stage.withConnection { channel, _ in
        let marks = try await stage.value(
          channel.eventLoop.submit {
            let options = try #require(channel.syncOptions)
            try options.setOption(.writeBufferWaterMark, value: .init(low: 1, high: 2))
            return try options.getOption(.writeBufferWaterMark)
          }
        )
        #expect(marks.low == 1 && marks.high == 2)
      }
    }
  }

  @Test func waterMarksThatAreSetCountFromTheNextWrite() async throws {
    let log = try await onRing { stage in
      try await stage.withConnection { channel, peer in
        try await stage.value(channel.setOption(.writeBufferWaterMark, value: .init(low: 2, high: 4)))
        let written = channel.queue(ByteBuffer(string: "12345"))
        await stage.settle()
        #expect(!channel.isWritable)
        channel.flush()
        try await stage.value(written)
        await stage.settle()
        #expect(channel.isWritable)
        #expect(try peer.receive(5) == "12345")
      }
    }
    #expect(log.lines(of: "child").filter { $0.hasPrefix("writable") } == ["writable: false", "writable: true"])
  }

  @Test func tcpHasNoDelayUnlessToldOtherwise() async throws {
    try await onRing { stage in
      try await stage.withConnection { channel, _ in
        #expect(try await stage.value(channel.getOption(.tcpOption(.tcp_nodelay))) != 0)
        let server = try #require(channel.parent)
        #expect(try await stage.value(server.getOption(.tcpOption(.tcp_nodelay))) != 0)
      }
    }
  }

  @Test func aClosedChannelHasNoOptions() async throws {
    try await onRing { stage in
      try await stage.withConnection { channel, _ in
        try await stage.value(channel.end())
        #expect(try await stage.failure(of: channel.getOption(.autoRead)) as? ChannelError == .ioOnClosedChannel)
        let set = channel.setOption(.autoRead, value: true)
        #expect(try await stage.failure(of: set) as? ChannelError == .ioOnClosedChannel)
      }
    }
  }

  @Test func theDescriptorIsLent() async throws {
    try await onRing { stage in
      try await stage.withConnection { channel, _ in
        let name = try await stage.value(
          channel.eventLoop.submit {
            try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
              SocketNames.local(of: $0)
            }
          }
        )
        #expect(name == .some(channel.localAddress))
      }
    }
  }
}
