import NIOCore
import Testing

@testable import SluiceNIO

@Suite(.serialized) struct ServerChannelTests {
  @Test func theAddressIsFreeWhenTheCloseIsDone() async throws {
    try await onRing { stage in
      var port = 0
      for _ in 0..<20 {
        let server = try await stage.value(stage.server.bind(host: "127.0.0.1", port: port))
        port = try #require(server.localAddress?.port)
        try await stage.value(server.end())
      }
    }
  }

  @Test func nobodyIsAcceptedWhomNobodyWants() async throws {
    let log = try await onRing { stage in
      let server = try await stage.listen(.sums, configure: { $0.serverChannelOption(.autoRead, value: false) })
      let address = try #require(server.localAddress)
      let peers = try (0..<3).map { _ in try PlainSocket(connectedTo: address) }
      for _ in 0..<5 { await stage.settle() }
      #expect(!stage.log.lines(of: "server").contains("accepted"))
      server.read()
      let first = try await stage.child()
      try await stage.value(first.end())
      try await stage.value(server.end())
      withExtendedLifetime(peers) {}
    }
    #expect(log.lines(of: "server").contains("accepted"))
  }

  @Test func autoReadThatIsTurnedOnAcceptsThoseThatWait() async throws {
    try await onRing { stage in
      let server = try await stage.listen(.sums, configure: { $0.serverChannelOption(.autoRead, value: false) })
      let address = try #require(server.localAddress)
      let peers = try (0..<6).map { _ in try PlainSocket(connectedTo: address) }
      try await stage.value(server.setOption(.autoRead, value: true))
      for _ in peers { try await stage.value(stage.child().end()) }
    }
  }

  @Test func itTakesNoWritesAndNoHalfClosure() async throws {
    try await onRing { stage in
      let server = try await stage.listen(.sums)
      let operations: [EventLoopFuture<Void>] = [
        server.end(.output), server.end(.input),
        server.join(try SocketAddress(ipAddress: "127.0.0.1", port: 1)),
      ]
      for operation in operations {
        #expect(try await stage.failure(of: operation) as? ChannelError == .operationUnsupported)
      }
      #expect(server.isActive)
      #expect(!server.isWritable)
    }
  }

  @Test func theBacklogIsAnOption() async throws {
    try await onRing { stage in
      let server = try await stage.listen(.sums, configure: { $0.serverChannelOption(.backlog, value: 7) })
      #expect(try await stage.value(server.getOption(.backlog)) == 7)
    }
  }
}
