import IOBuffers
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Trains of datagrams: the kernel cuts them where they go out, and joins them where they come in.
@Suite(.timeLimit(.minutes(2)))
struct DatagramSegmentTests {
  @Test(arguments: DatagramLoop.allCases)
  func aTrainArrivesAsDatagrams(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let peer = try BlockingDatagramClient(boundTo: .loopback(port: 0))
      let socket = try await DatagramSocket.connect(to: try peer.local, on: loop)
      let bytes = Pattern(seed: 3).bytes(count: 12_100)
      #expect(await socket.send(try loop.view(bytes), segmentSize: 1200))
      let received = try await blocking { try (0..<11).map { _ in try peer.receive() } }
      #expect(received.map(\.count) == Array(repeating: 1200, count: 10) + [100])
      #expect(received.flatMap { $0 } == bytes)
      try await eventually { loop.statistics.datagramsSent == 11 }
    }
  }

  @Test(arguments: DatagramLoop.allCases)
  func trainsAreJoinedWhereItIsAskedFor(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      var options = DatagramOptions()
      options.joinsSegments = true
      let server = try await DatagramSocket.bind(to: .any(port: 0), on: loop, options: options)
      let client = try await DatagramSocket.connect(to: .loopback(port: server.localAddress.port), on: loop)
      let bytes = Pattern(seed: 4).bytes(count: 60_000)
      #expect(await client.send(try loop.view(bytes), ecn: .capable0, segmentSize: 1200))
      var received: [UInt8] = []
      var wereJoined = false
      while received.count < bytes.count {
        let datagram = try await server.next()
        #expect(!datagram.isTruncated && datagram.local != nil)
        if let size = datagram.segmentSize {
          #expect(size == 1200)
          wereJoined = true
        }
        received += datagram.copy
      }
      #expect(received == bytes && wereJoined)
      // One datagram is one datagram.
      #expect(await client.send(try loop.view([1])))
      let single = try await server.next()
      #expect(single.segmentSize == nil && single.copy == [1])
    }
  }

  @Test(arguments: DatagramLoop.allCases)
  func moreThanTheKernelTakesAtOnceGoesInSeveralTrains(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let peer = try BlockingDatagramClient(boundTo: .loopback(port: 0))
      let socket = try await DatagramSocket.bind(to: .loopback(port: 0), on: loop)
      let bytes = Pattern(seed: 5).bytes(count: 20_000)
      #expect(await socket.send(try loop.view(bytes), to: try peer.local, segmentSize: 100))
      let received = try await blocking { try (0..<200).map { _ in try peer.receive() } }
      #expect(received.allSatisfy { $0.count == 100 } && received.flatMap { $0 } == bytes)
      // A size that is not less than the bytes: one datagram.
      #expect(await socket.send(try loop.view([1, 2, 3]), to: try peer.local, segmentSize: 3))
      #expect(try await blocking { try peer.receive() } == [1, 2, 3])
    }
  }

  @Test(arguments: DatagramLoop.allCases)
  func whereTheKernelDoesNotCutEachDatagramGoesAlone(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      let peer = try BlockingDatagramClient(boundTo: .loopback(port: 0))
      let address = try peer.local
      let socket = try await DatagramSocket.bind(to: .loopback(port: 0), on: loop)
      // SO_NO_CHECK: without checksums there are no trains, and the kernel says EINVAL.
      let isSet = await socket.onLoop {
        var one: Int32 = 1
        guard let place = socket.place else { return false }
        return unsafe setsockopt(place.record.descriptor, SOL_SOCKET, 11, &one, 4) == 0
      }
      #expect(isSet)
      for round in 0..<2 {
        let bytes = Pattern(seed: round).bytes(count: 4900)
        #expect(await socket.send(try loop.view(bytes), to: address, ecn: .capable1, segmentSize: 1000))
        let received = try await blocking { try (0..<5).map { _ in try peer.receive() } }
        #expect(received.map(\.count) == [1000, 1000, 1000, 1000, 900] && received.flatMap { $0 } == bytes)
      }
      // Remembered: the second time nothing was tried.
      #expect(await socket.onLoop { socket.place?.record.largestSegment } == 999)
      #expect(loop.statistics.datagramErrors == 0)
    }
  }
}
