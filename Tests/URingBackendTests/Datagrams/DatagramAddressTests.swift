import IOBuffers
import Testing

@testable import URingBackend

/// Where datagrams come from and go to, and what is marked on them.
@Suite(.timeLimit(.minutes(2)))
struct DatagramAddressTests {
  @Test(arguments: DatagramLoop.allCases, ["0.0.0.0", "::"])
  func aReplyComesFromTheAddressThatTheQueryWentTo(kind: DatagramLoop, host: String) async throws {
    let running = try await RunningDatagramServer.echo(
      .tasks,
      at: try SocketAddress(host: host, port: 0),
      loop: kind.configuration
    )
    let port = running.port
    try await blocking {
      let client = try BlockingDatagramClient()
      for number in 1...5 as ClosedRange<UInt32> {
        let address = SocketAddress(ipv4: 0x7F00_0000 | number, port: port)
        try client.send([UInt8(number)], to: address)
        let reply = try client.receiveFrom()
        #expect(reply.bytes == [UInt8(number)] && reply.peer == address)
      }
    }
    if host == "::" {
      try await blocking {
        let client = try BlockingDatagramClient(family: .ipv6)
        let address = try SocketAddress(host: "::1", port: port)
        try client.send([9], to: address)
        let reply = try client.receiveFrom()
        #expect(reply.bytes == [9] && reply.peer == address)
      }
    }
    try await running.stop()
  }

  @Test(arguments: DatagramLoop.allCases, ["0.0.0.0", "::"])
  func theDatagramSaysWhereItWasSentTo(kind: DatagramLoop, host: String) async throws {
    try await kind.run { loop in
      let socket = try await DatagramSocket.bind(to: try SocketAddress(host: host, port: 0), on: loop)
      let port = socket.localAddress.port
      let wanted = SocketAddress(ipv4: 0x7F00_0003, port: port)
      let client = try BlockingDatagramClient()
      try client.send([1], to: wanted)
      let datagram = try await socket.next()
      #expect(datagram.local == wanted && datagram.path?.local == wanted)
      #expect(datagram.peer?.port == (try client.local.port) && datagram.peer?.family == .ipv4)
    }
  }

  @Test(arguments: DatagramLoop.allCases, ["127.0.0.1", "::1", "::"])
  func marksGoBothWays(kind: DatagramLoop, host: String) async throws {
    try await kind.run { loop in
      var options = DatagramOptions()
      options.reportsECN = true
      options.reportsHopLimit = true
      let server = try await DatagramSocket.bind(to: try SocketAddress(host: host, port: 0), on: loop, options: options)
      // One that serves both families is sent to over IPv4.
      let target = host == "::" ? .loopback(port: server.localAddress.port) : server.localAddress
      options.hopLimit = 17
      let client = try await DatagramSocket.connect(to: target, on: loop, options: options)
      for mark in ECNCodepoint.allCases {
        #expect(await client.send(try loop.view([mark.rawValue]), ecn: mark))
        let query = try await server.next()
        #expect(query.copy == [mark.rawValue] && query.ecn == mark && query.hopLimit == 17)
        guard let path = query.path else { throw ServerEndedEarly() }
        #expect(await server.send(query.takePayload(), over: path, ecn: mark))
        let reply = try await client.next()
        #expect(reply.ecn == mark)
      }
    }
  }

  @Test(arguments: DatagramLoop.allCases)
  func aGroupIsJoinedAndLeft(kind: DatagramLoop) async throws {
    try await kind.run { loop in
      var options = DatagramOptions()
      options.reuseAddress = true
      options.multicastInterface = 1
      let group = try SocketAddress(host: "239.77.1.2", port: 0)
      let first = try await DatagramSocket.bind(to: .any(port: 0), on: loop, options: options)
      let port = first.localAddress.port
      let second = try await DatagramSocket.bind(to: .any(port: port), on: loop, options: options)
      try await first.join(group, interface: 1)
      try await second.join(group, interface: 1)
      await #expect(throws: SocketError.self) { try await second.join(group, interface: 1) }
      await #expect(throws: SocketError.self) { try await second.leave(.loopback(port: 0)) }
      let sender = try await DatagramSocket.bind(to: .any(port: 0), on: loop, options: options)
      #expect(await sender.send(try loop.view([1, 2]), to: group.with(port: port)))
      for socket in [first, second] {
        let datagram = try await socket.next()
        #expect(datagram.copy == [1, 2] && datagram.local == group.with(port: port))
        // A reply never comes from the group's address.
        #expect(datagram.path?.local?.isMulticast == false)
      }
      try await second.leave(group, interface: 1)
      #expect(await sender.send(try loop.view([3]), to: group.with(port: port)))
      #expect(try await first.receiveBytes() == [3])
    }
  }
}
