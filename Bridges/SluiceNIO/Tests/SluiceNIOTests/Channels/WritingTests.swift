import NIOCore
import Testing

@testable import SluiceNIO

@Suite(.serialized) struct WritingTests {
  private func send(_ region: FileRegion, on channel: any Channel) -> EventLoopFuture<Void> {
    let promise = channel.eventLoop.makePromise(of: Void.self)
    channel.writeAndFlush(IOData.fileRegion(region), promise: promise)
    return promise.futureResult
  }

  @Test func smallAndLargeWritesArriveInTheirOrder() async throws {
    try await onRing { stage in
      try await stage.withConnection { channel, peer in
        var expected = ""
        for number in 0..<200 {
          let text = String(repeating: "\(number),", count: number % 7 == 0 ? 2000 : number % 5)
          expected += text
          channel.write(ByteBuffer(string: text), promise: nil)
        }
        let flushed = channel.send(ByteBuffer(string: "end"))
        #expect(try peer.receive(expected.utf8.count + 3) == expected + "end")
        try await stage.value(flushed)
      }
    }
  }

  @Test func aBufferThatIsWrittenToAfterwardsIsSentAsItWas() async throws {
    try await onRing { stage in
      try await stage.withConnection { channel, peer in
        try await stage.value(
          channel.eventLoop.submit {
            for count in [8, 20_000] {
              var buffer = ByteBuffer(repeating: UInt8(ascii: "a"), count: count)
              channel.write(buffer, promise: nil)
              buffer.setRepeatingByte(UInt8(ascii: "b"), count: count, at: 0)
              channel.flush()
              buffer.setRepeatingByte(UInt8(ascii: "c"), count: count, at: 0)
            }
          }
        )
        #expect(try peer.receive(20_008) == String(repeating: "a", count: 20_008))
      }
    }
  }

  @Test func onlyTheReadablePartOfABufferIsSent() async throws {
    try await onRing { stage in
      try await stage.withConnection { channel, peer in
        var buffer = ByteBuffer(string: String(repeating: "x", count: 1000) + String(repeating: "y", count: 2000) + "z")
        buffer.moveReaderIndex(forwardBy: 1000)
        buffer.moveWriterIndex(to: 3000)
        try await stage.value(channel.send(buffer))
        #expect(try peer.receive(2000) == String(repeating: "y", count: 2000))
        try await stage.value(channel.end())
        #expect(try peer.receive().isEmpty)
      }
    }
  }

  @Test func whoHearsOfAWriteMayWriteAndFlushAtOnce() async throws {
    let log = try await onRing { stage in
      try await stage.withConnection { channel, peer in
        let last = channel.eventLoop.makePromise(of: Void.self)
        try await stage.value(
          channel.eventLoop.submit {
            for name in ["first", "second"] {
              let promise = channel.eventLoop.makePromise(of: Void.self)
              stage.log.follow(promise.futureResult, "order", name)
              if name == "first" {
                promise.futureResult.whenSuccess {
                  let third = channel.eventLoop.makePromise(of: Void.self)
                  stage.log.follow(third.futureResult, "order", "third")
                  third.futureResult.cascade(to: last)
                  channel.writeAndFlush(ByteBuffer(string: "3"), promise: third)
                  stage.log.note("order", "first is over")
                }
              }
              channel.write(ByteBuffer(string: name == "first" ? "1" : "2"), promise: promise)
            }
            channel.flush()
          }
        )
        try await stage.value(last.futureResult)
        #expect(try peer.receive(3) == "123")
      }
    }
    #expect(log.lines(of: "order") == ["first: done", "first is over", "second: done", "third: done"])
  }

  @Test func aCloseOutOfAPromiseLeavesTheOtherWritesThatAreDoneDone() async throws {
    let log = try await onRing { stage in
      try await stage.withConnection { channel, peer in
        try await stage.value(
          channel.eventLoop.submit {
            for (number, name) in ["first", "second", "third"].enumerated() {
              let promise = channel.eventLoop.makePromise(of: Void.self)
              stage.log.follow(promise.futureResult, "order", name)
              if number == 0 { promise.futureResult.whenSuccess { channel.close(promise: nil) } }
              channel.write(ByteBuffer(string: name), promise: promise)
            }
            channel.flush()
            stage.log.follow(channel.queue(ByteBuffer(string: "unflushed")), "order", "unflushed")
          }
        )
        try await stage.value(channel.closeFuture)
        #expect(try peer.receive() == "firstsecondthird")
      }
    }
    // The close comes out of the first promise, before those of the others.
    #expect(
      log.lines(of: "order") == ["first: done", "unflushed: I/O on closed channel", "second: done", "third: done"]
    )
  }

  @Test func emptyWritesAreDoneInTheirPlace() async throws {
    let log = try await onRing { stage in
      try await stage.withConnection { channel, peer in
        try await stage.value(
          channel.eventLoop.submit {
            for text in ["", "a", "", "b", ""] {
              stage.log.follow(channel.queue(ByteBuffer(string: text)), "order", "<\(text)>")
            }
            channel.flush()
            stage.log.note("order", "flushed")
          }
        )
        #expect(try peer.receive(2) == "ab")
      }
    }
    #expect(log.lines(of: "order") == ["<>: done", "flushed", "<a>: done", "<>: done", "<b>: done", "<>: done"])
  }

  @Test func aLongWriteIsUnwritableUntilItIsGone() async throws {
    let log = try await onRing { stage in
      try await stage.withConnection { channel, peer in
        let count = 20 << 20
        let written = channel.send(ByteBuffer(repeating: 7, count: count))
        await stage.settle()
        #expect(!channel.isWritable)
        #expect(try await stage.value(channel.getOption(.bufferedWritableBytes)) > 64 << 10)
        #expect(try peer.receive(count).utf8.count == count)
        try await stage.value(written)
        await stage.settle()
        #expect(channel.isWritable)
        #expect(try await stage.value(channel.getOption(.bufferedWritableBytes)) == 0)
      }
    }
    #expect(log.lines(of: "child").filter { $0.hasPrefix("writable") } == ["writable: false", "writable: true"])
  }

  @Test func aPartOfAFileIsSentBetweenOtherBytes() async throws {
    let content = (0..<60_000).map { "\($0)," }.joined()
    let path = TemporaryFile.temporaryPath()
    try TemporaryFile.write(content, to: path)
    defer { TemporaryFile.remove(path) }
    try await onRing { stage in
      try await stage.withConnection { channel, peer in
        let file = try TemporaryFile.open(path)
        defer { try? file.close() }
        let region = FileRegion(fileHandle: file, readerIndex: 100, endIndex: content.utf8.count)
        channel.write(ByteBuffer(string: "before"), promise: nil)
        let sent = send(region, on: channel)
        let after = channel.send(ByteBuffer(string: "after"))
        let expected = "before" + content.dropFirst(100) + "after"
        #expect(try peer.receive(expected.utf8.count) == expected)
        for future in [sent, after] { try await stage.value(future) }

      }
    }
  }

  @Test func aFileThatEndsTooEarlyClosesTheChannel() async throws {
    let path = TemporaryFile.temporaryPath()
    try TemporaryFile.write("short", to: path)
    defer { TemporaryFile.remove(path) }
    try await onRing { stage in
      try await stage.withConnection { channel, peer in
        let file = try TemporaryFile.open(path)
        defer { try? file.close() }
        let region = FileRegion(fileHandle: file, readerIndex: 0, endIndex: 6)
        let error = try await stage.failure(of: send(region, on: channel))
        #expect(error is IOError)
        try await stage.value(channel.closeFuture)
        #expect(try peer.receive().isEmpty)

      }
    }
  }
}
