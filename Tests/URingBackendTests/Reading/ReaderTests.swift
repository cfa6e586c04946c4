import IOBuffers
import Testing

@testable import URingBackend

/// What each operation of a reader gives, however the peer cuts what it sends, and wherever the reader is used.
@Suite(.timeLimit(.minutes(3)))
struct ReaderTests {
  @Test(arguments: Delivery.allCases, Place.allCases)
  func eachOperationTakesWhatItNames(delivery: Delivery, place: Place) async throws {
    let value = Pattern().bytes(count: delivery == .singleBytes ? 3000 : 100_000)
    try await serveOne(
      place,
      client: { client in
        let text = "GET /\r\nHost: here\n\r\n"
        try delivery.send(Array(text.utf8) + [0, 0, 0, 3, 7, 8, 9] + value + Array("rest".utf8), over: client)
        try client.closeOutput()
        _ = client.isEnded()
      },
      body: { connection in
        var reader = connection.reader()
        #expect(try await text(reader.read(until: " ")) == "GET")
        #expect(try await text(reader.read(until: [13, 10])) == "/")
        #expect(try await text(reader.readLine()) == "Host: here")
        #expect(try await copied(reader.readLine()) == [])
        #expect(try await reader.peek(4))
        let length = try reader.bytes.load(at: 0, as: UInt32.self)
        #expect(length == 3)
        var decoder = LengthPrefixDecoder()
        #expect(try await copied(reader.next(&decoder)) == [7, 8, 9])
        #expect(try await copied(reader.read(exactly: 10)) == Array(value[..<10]))
        try await reader.skip(90)
        var buffer = try await connection.allocate(minimumCapacity: value.count)
        try await reader.read(value.count - 100, into: &buffer)
        let landed = try buffer.readView().copied()
        #expect(landed == Array(value[100...]))
        let position = reader.position
        #expect(position == 27 + value.count)
        #expect(try await copied(reader.read(upTo: 2))?.count == 2 || delivery == .singleBytes)
        var rest: [UInt8] = []
        while let more = try await reader.read(upTo: 2) { rest += more.bytes() }
        #expect(rest.last == UInt8(ascii: "t"))
        #expect(try await copied(reader.readLine()) == nil)
        #expect(try await copied(reader.read(until: "x")) == nil)
        #expect(try await !reader.peek(1))
        #expect(try await !reader.waitForMessage())
        let end = reader.position
        #expect(end == 31 + value.count)
      }
    )
  }

  @Test(arguments: Place.allCases)
  func aLineInOneViewIsGivenWithoutACopy(place: Place) async throws {
    let summary = Locked<UInt64>(0)
    try await serveOne(
      place,
      client: { client in
        try client.send(Array("one\ntwo\n".utf8))
        _ = client.isEnded()
      },
      body: { connection in
        var reader = connection.reader()
        for expected in ["one", "two"] {
          guard let line = try await reader.read(until: "\n") else {
            Issue.record("no line")
            return
          }
          let (views, text) = (line.viewCount, line.text())
          #expect(views == 1 && text == expected)
        }
        let left = reader.bytes.count
        #expect(left == 0)
        let bytesCopied = connection.loop.statistics.bytesCopied
        summary.change { $0 = bytesCopied }
      }
    )
    #expect(summary.value == 0)
  }

  /// A peer that sends crumbs must not pin a slot with each.
  @Test(arguments: Place.allCases)
  func crumbsAreCopiedTogether(place: Place) async throws {
    let length = 2000
    let views = try await serveOne(
      place,
      client: { client in
        for _ in 0..<length { try client.send([1]) }
        _ = client.isEnded()
      },
      body: { connection in
        var reader = connection.reader()
        // Crumbs of many slots, as they come when others are served in between: no two are neighbours.
        for _ in 0..<500 {
          reader.bytes.append(try connection.arena.message([9]))
        }
        let before = reader.bytes.viewCount
        #expect(before == 500)
        #expect(try await reader.peek(500 + length))
        let bytes = reader.bytes.bytes()
        #expect(bytes == Array(repeating: 9, count: 500) + Array(repeating: 1, count: length))
        return reader.bytes.viewCount
      }
    )
    #expect(views < 100)
  }

  @Test func aDecoderOfOnesOwnMayGiveWhatCannotBeCopied() async throws {
    struct Record: ~Copyable {
      var kind: UInt8
      var body: ByteQueue
    }
    struct Decoder: FrameDecoder {
      mutating func decode(_ bytes: inout ByteQueue) throws(FrameError) -> Record? {
        guard let kind = bytes.first else { return nil }
        guard let body = try bytes.takeFrame(2, after: 1) else { return nil }
        return Record(kind: kind, body: body)
      }
    }
    try await serveOne(
      client: { client in
        try Delivery.singleBytes.send([1, 2, 3, 4, 5, 6], over: client)
        try client.closeOutput()
        _ = client.isEnded()
      },
      body: { connection in
        var reader = connection.reader()
        var decoder = Decoder()
        var seen: [[UInt8]] = []
        while let record = try await reader.next(&decoder) { seen.append([record.kind] + record.body.bytes()) }
        #expect(seen == [[1, 2, 3], [4, 5, 6]])
      }
    )
  }

  // MARK: Lending

  @Test(arguments: Delivery.allCases, Place.allCases)
  func aBodyTakesWhatItCanUseAndGetsTheRestAgain(delivery: Delivery, place: Place) async throws {
    let numbers = (0..<500).map { UInt32($0) }
    let seen = try await serveOne(
      place,
      client: { client in
        try delivery.send(numbers.flatMap { [0, 0, UInt8($0 >> 8), UInt8($0 & 255)] }, over: client)
        try client.closeOutput()
        _ = client.isEnded()
      },
      body: { connection in
        var reader = connection.reader()
        var seen: [UInt32] = []
        var isOver = false
        while !isOver {
          try await reader.read { bytes in
            isOver = bytes.isEmpty
            // One at a time: what is left must be lent again at once.
            if let number = bytes.takeInteger(as: UInt32.self) { seen.append(number) }
          }
        }
        // Once more, and again it is the end.
        #expect(try await reader.read { $0.isEmpty })
        return seen
      }
    )
    #expect(seen == numbers)
  }

  @Test func aBodyThatTakesNothingIsNotCalledAgainBeforeThereIsMore() async throws {
    let calls = try await serveOne(
      client: { client in
        for byte: UInt8 in 1...3 {
          try client.send([byte])
          // The body has seen it.
          #expect(try client.receive(exactly: 1) == [byte])
        }
        try client.closeOutput()
        _ = client.isEnded()
      },
      body: { connection in
        var reader = connection.reader()
        var calls: [Int] = []
        await #expect(throws: ReadError.endedInTheMiddle(leftover: 3, missing: nil)) {
          while true {
            let last = try await reader.read { bytes in
              calls.append(bytes.count)
              return bytes.byte(at: bytes.count - 1) ?? 0
            }
            try await connection.send([last])
          }
        }
        let left = reader.bytes.bytes()
        #expect(left == [1, 2, 3])
        return calls
      }
    )
    #expect(calls == [1, 2, 3])
  }
}
