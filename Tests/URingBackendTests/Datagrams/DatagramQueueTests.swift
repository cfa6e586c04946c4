import IOBuffers
import Testing

@testable import URingBackend

/// What may be with the kernel at a time, what waits for tasks, and what is dropped.
@Suite(.timeLimit(.minutes(2)))
struct DatagramQueueTests {
  @Test(arguments: DatagramLoop.allCases)
  func whatIsBeyondTheBoundsIsRefusedAndCounted(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let peer = try BlockingDatagramClient(boundTo: .loopback(port: 0))
      var options = DatagramOptions()
      options.sendQueueDatagrams = 4
      options.sendQueueBytes = 1000
      let address = try peer.local
      let socket = try await DatagramSocket.bind(to: .loopback(port: 0), on: loop, options: options)
      // Without a turn of the loop in between.
      let outcomes = await socket.onLoop { [loop] () -> [Bool]? in
        guard let place = socket.place else { return nil }
        return (0..<6).map { number in
          guard let view = try? loop.view([UInt8(number)]) else { return false }
          return socket.engine.send(view.detach(), on: place, to: address)
        }
      }
      #expect(outcomes == [true, true, true, true, false, false])
      #expect(try await blocking { try (0..<4).map { _ in try peer.receive() } } == [[0], [1], [2], [3]])
      try await eventually { await socket.onLoop { socket.place?.record.sendsInFlight == 0 } }
      // A single one is never too large for the bytes; a second one is.
      let large = await socket.onLoop { [loop] () -> [Bool]? in
        guard let place = socket.place else { return nil }
        return (0..<2).map { _ in
          guard let view = try? loop.view([UInt8](repeating: 1, count: 1400)) else { return false }
          return socket.engine.send(view.detach(), on: place, to: address)
        }
      }
      #expect(large == [true, false])
      #expect(try await blocking { try peer.receive() }.count == 1400)
      #expect(loop.statistics.datagramsRefused == 3)
    }
  }

  @Test(arguments: DatagramLoop.allCases)
  func whoWaitsForRoomLosesNothing(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      var options = DatagramOptions()
      options.sendQueueDatagrams = 2
      let peer = try BlockingDatagramClient(boundTo: .loopback(port: 0))
      let socket = try await DatagramSocket.connect(to: try peer.local, on: loop, options: options)
      try await withThrowingTaskGroup { group in
        for task in 0..<10 as Range<UInt8> {
          group.addTask(executorPreference: task % 2 == 0 ? loop : nil) {
            for number in 0..<10 as Range<UInt8> { try await socket.sendWhenWritable(try loop.view([task, number])) }
          }
        }
        try await group.waitForAll()
      }
      let received = try await blocking { try (0..<100).map { _ in try peer.receive() } }
      #expect(Set(received).count == 100)
      #expect(loop.statistics.datagramsRefused == 0)
      await socket.close()
      let error = await #expect(throws: SocketError.self) { try await socket.sendWhenWritable(try loop.view([1])) }
      #expect(error?.kind == .closed)
    }
  }

  @Test(arguments: DatagramLoop.allCases)
  func aSendThatTheKernelRefusesIsCounted(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let socket = try await DatagramSocket.bind(to: .loopback(port: 0), on: loop)
      // More than a datagram can have; nowhere to send to.
      #expect(await socket.send(try loop.view([UInt8](repeating: 0, count: 66_000)), to: .loopback(port: 9)))
      #expect(await socket.send(try loop.view([1])))
      try await eventually { loop.statistics.datagramErrors == 2 }
      #expect(loop.statistics.datagramsSent == 0)
    }
  }

  @Test(arguments: DatagramLoop.allCases)
  func whatNobodyTakesWaitsInTheKernelWhichDropsTheRest(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      var options = DatagramOptions()
      options.receiveQueueDatagrams = 8
      options.receiveBufferBytes = 32_768
      let socket = try await DatagramSocket.bind(to: .loopback(port: 0), on: loop, options: options)
      let address = socket.localAddress
      let total = 3000
      try await blocking {
        let client = try BlockingDatagramClient(connectedTo: address)
        for number in 0..<total { try client.send([UInt8(number & 0xFF), UInt8(number >> 8)]) }
      }
      var taken = 0
      var last = -1
      do {
        while let datagram = try await socket.receive(timeout: .milliseconds(200)) {
          let bytes = datagram.copy
          let number = Int(bytes[0]) | Int(bytes[1]) << 8
          #expect(number > last)
          last = number
          taken += 1
        }
      } catch let error as SocketError {
        #expect(error.kind == .timedOut)
      }
      #expect(taken >= 8 && taken < total)
      // The next one says how many the kernel has dropped.
      try await blocking { try BlockingDatagramClient(connectedTo: address).send([7]) }
      #expect(try await socket.receiveBytes() == [7])
      #expect(loop.statistics.datagramsDropped == UInt64(total - taken))
    }
  }

  @Test(arguments: DatagramLoop.allCases)
  func whatWasSentBeforeACloseGoesOut(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let peer = try BlockingDatagramClient(boundTo: .loopback(port: 0))
      let address = try peer.local
      let socket = try await DatagramSocket.bind(to: .loopback(port: 0), on: loop)
      let count = 100
      let isSent = await socket.onLoop { [loop] in
        guard let place = socket.place else { return false }
        let all = (0..<count).allSatisfy { number in
          guard let view = try? loop.view([UInt8(number)]) else { return false }
          return socket.engine.send(view.detach(), on: place, to: address)
        }
        socket.engine.close(place)
        return all
      }
      #expect(isSent)
      await socket.close()
      #expect(try await blocking { try (0..<count).map { _ in try peer.receive() } }.count == count)
    }
  }
}
