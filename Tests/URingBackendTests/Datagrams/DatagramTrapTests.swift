import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

/// What ends a receive, or cuts a datagram, and is neither an end nor an error.
@Suite(.timeLimit(.minutes(2)))
struct DatagramTrapTests {
  @Test(arguments: DatagramLoop.allCases)
  func datagramsWithoutBytesAreNoEnd(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let socket = try await DatagramSocket.bind(to: .loopback(port: 0), on: loop)
      let address = socket.localAddress
      let sizes = [0, 0, 5, 0, 700, 0, 0, 0, 1]
      try await blocking {
        let client = try BlockingDatagramClient(connectedTo: address)
        for size in sizes { try client.send(Array(repeating: 7, count: size)) }
      }
      for size in sizes { #expect(try await socket.receiveBytes().count == size) }
    }
  }

  @Test(arguments: DatagramLoop.allCases)
  func aDatagramThatIsTooLongSaysSo(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let socket = try await DatagramSocket.bind(to: .loopback(port: 0), on: loop)
      let address = socket.localAddress
      let long = Pattern().bytes(count: 5000)
      try await blocking {
        let client = try BlockingDatagramClient(connectedTo: address)
        try client.send(long)
        try client.send([1, 2])
      }
      let cut = try await socket.next()
      #expect(cut.isTruncated && cut.count >= 1500 && cut.count < 5000)
      #expect(cut.copy == Array(long[..<cut.count]))
      let whole = try await socket.next()
      #expect(!whole.isTruncated && whole.copy == [1, 2])
      #expect(loop.statistics.datagramsTruncated == 1)
    }
  }

  @Test(arguments: DatagramLoop.allCases, [4000, 9000, 65_507])
  func aLongerOneComesWholeWhereItIsAskedFor(kind: DatagramLoop, size: Int) async throws {
    try await kind.run { loop in
      var options = DatagramOptions()
      options.largestDatagram = size
      let socket = try await DatagramSocket.bind(to: .loopback(port: 0), on: loop, options: options)
      let address = socket.localAddress
      let long = Pattern().bytes(count: size)
      try await blocking { try BlockingDatagramClient(connectedTo: address).send(long) }
      let datagram = try await socket.next()
      #expect(!datagram.isTruncated && datagram.copy == long)
    }
  }

  @Test(arguments: DatagramLoop.allCases)
  func aPortThatNobodyListensOnIsReportedAndTheSocketGoesOn(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let host = LoopbackHost.ofItsOwn()
      let address = try await blocking { try BlockingDatagramClient(boundTo: host.address()).local }
      let socket = try await DatagramSocket.connect(to: address, on: loop)
      let error = try await socket.errorOfSending(loop)
      #expect(error.errno == .connectionRefused && error.peer == address)
      // Now somebody listens. What is sent is not lost for what the first one met.
      let answered = Task {
        try await blocking {
          let peer = try BlockingDatagramClient(boundTo: address)
          let query = try peer.receiveFrom()
          try peer.send([3], to: query.peer)
          return query.bytes
        }
      }
      var reply: [UInt8]?
      for _ in 0..<1000 where reply == nil {
        await socket.send(try loop.view([2]))
        do {
          if let datagram = try await socket.receive(timeout: .milliseconds(100)) { reply = datagram.copy }
        } catch let error as SocketError {
          // Not there yet, or not yet heard.
          #expect(error.errno == .connectionRefused || error.kind == .timedOut)
        }
      }
      #expect(reply == [3])
      #expect(try await answered.value == [2])
      #expect(loop.statistics.datagramErrors > 0)
    }
  }

  /// The error of an earlier datagram comes to the next send, which the kernel then does not carry out.
  @Test(arguments: DatagramLoop.allCases)
  func aSendThatMeetsAnEarlierErrorIsRepeated(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let peer = try BlockingDatagramClient(boundTo: .loopback(port: 0))
      let address = try peer.local
      let socket = try await DatagramSocket.connect(to: address, on: loop)
      for number in 0..<50 as Range<UInt8> {
        await socket.send(try loop.view([number]))
        let received = try await blocking { try peer.receive() }
        #expect(received == [number])
      }
      #expect(loop.statistics.datagramErrors == 0)
    }
  }

  // MARK: What the kernel's part says

  @Test func lengthsAreBelievedAsFarAsThereAreBytes() throws {
    let arena = try BufferArena()
    let layout = MessageLayout(nameBytes: 32, controlBytes: 24)
    let huge = [UInt32.max, UInt32.max - 15, 1 << 31, 1 << 16, 33, 25, 0]
    for name in huge {
      for control in huge {
        for payload in huge {
          var buffer = try arena.allocate(minimumCapacity: 256)
          try buffer.append(contentsOf: [UInt8](repeating: 0xFF, count: 100))
          let view = try buffer.finish().detach()
          let header = MessageHeader(nameLength: name, controlLength: control, payloadLength: payload, flags: .max)
          unsafe header.write(to: view.base)
          let message = try #require(ReceivedMessage(view, layout: layout, localPort: 1))
          #expect(message.nameLength <= 32 && message.controlLength <= 24)
          #expect(message.payloadCount == min(Int(payload), 100 - 72))
          let datagram = Datagram(message)
          #expect(datagram.peer == nil && datagram.local == nil && datagram.ecn == nil && datagram.segmentSize == nil)
          #expect(datagram.takePayload().count == min(Int(payload), 100 - 72))
        }
      }
    }
    #expect(arena.slotsOut == 0)
  }

  @Test func aSlotWithLessThanAHeaderIsNoDatagram() throws {
    let arena = try BufferArena()
    for count in [0, 1, 15, 16, 71] {
      var buffer = try arena.allocate(minimumCapacity: 256)
      try buffer.append(contentsOf: [UInt8](repeating: 0, count: count))
      let view = try buffer.finish().detach()
      #expect(ReceivedMessage(view, layout: MessageLayout(nameBytes: 32, controlBytes: 24), localPort: 1) == nil)
      view.releaseReader()
    }
    #expect(arena.slotsOut == 0)
  }

  @Test(arguments: [0, 1, 15, 17, 23, 24, 25, 1 << 32, Int.max, -1] as [Int])
  func controlMessagesWithImpossibleLengthsEndTheList(length: Int) {
    var bytes = [UInt8](repeating: 0, count: 48)
    var seen: [Int] = []
    unsafe bytes.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      unsafe base.storeBytes(of: length, as: Int.self)
      unsafe base.storeBytes(of: 7, toByteOffset: 8, as: Int32.self)
      // A good one behind it, where one of 17 to 24 bytes ends.
      unsafe base.storeBytes(of: 20, toByteOffset: 24, as: Int.self)
      unsafe base.storeBytes(of: 8, toByteOffset: 32, as: Int32.self)
      let control = unsafe ControlMessages(base: UnsafeRawPointer(base), count: 48)
      control.forEach { message in
        seen.append(Int(message.level))
        #expect(message.count >= 0 && message.count <= 32)
        return true
      }
    }
    switch length {
    case 17, 23, 24: #expect(seen == [7, 8])
    case 25: #expect(seen == [7])
    default: #expect(seen == [])
    }
  }
}
