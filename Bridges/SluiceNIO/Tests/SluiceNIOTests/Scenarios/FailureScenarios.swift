import NIOCore
import Testing

/// Binding and connecting where that cannot be done.
extension Scenarios {
  @Suite struct Failure {
    @Test func connectingToAPortWhereNobodyListens() async throws {
      let log = try await expectSame { stage in
        let server = try await stage.listen()
        let address = try #require(server.localAddress)
        try await stage.value(server.end())
        let future = stage.recordedClient().connect(to: address)
        stage.log.follow(future, "connect", "connect")
        _ = try? await stage.value(future)
      }
      #expect(log.lines(of: "connect") == ["connect: errno 111"])
    }

    @Test(arguments: ["nothing", "a file", "a socket that is closed"])
    func connectingToAUnixPathWithoutAServer(what: String) async throws {
      try await expectSame { stage in
        try await withTemporaryDirectory { directory in
          let path = directory + "/s"
          switch what {
          case "a file": try makeFile(path)
          case "nothing": break
          default:
            let server = try await stage.value(
              stage.recordedServer().bind(unixDomainSocketPath: path, cleanupExistingSocketFile: false)
            )
            try await stage.value(server.end())
          }
          let future = stage.recordedClient().connect(unixDomainSocketPath: path)
          stage.log.follow(future, "connect", "connect")
          _ = try? await stage.value(future)
        }
      }
    }

    @Test func bindingToAPortThatIsInUse() async throws {
      let log = try await expectSame { stage in
        let server = try await stage.listen()
        let future = stage.recordedServer().bind(to: try #require(server.localAddress))
        stage.log.follow(future, "second", "bind")
        _ = try? await stage.value(future)
      }
      #expect(log.lines(of: "second") == ["bind: errno 98"])
    }

    @Test(arguments: ["192.0.2.1", "2001:db8::1"])
    func bindingToAnAddressOfSomebodyElse(address: String) async throws {
      try await expectSame { stage in
        let future = stage.recordedServer().bind(to: try SocketAddress(ipAddress: address, port: 0))
        stage.log.follow(future, "bind", "bind")
        _ = try? await stage.value(future)
      }
    }

    @Test func bindingToAUnixPathThatIsThere() async throws {
      try await expectSame { stage in
        try await withTemporaryDirectory { directory in
          for (index, cleanup) in [false, false, true].enumerated() {
            let future = stage.recordedServer().bind(
              unixDomainSocketPath: directory + "/s",
              cleanupExistingSocketFile: cleanup
            )
            stage.log.follow(future, "bind", "bind \(index)")
            if let server = try? await stage.value(future) { try await stage.value(server.end()) }
          }
          try makeFile(directory + "/f")
          let future = stage.server.bind(unixDomainSocketPath: directory + "/f", cleanupExistingSocketFile: true)
          let result = await outcome { try await stage.value(future) }
          stage.log.note("bind", "on a file: \((try? result.get()) == nil)")
          let long = stage.server.bind(
            unixDomainSocketPath: "/" + String(repeating: "x", count: 200),
            cleanupExistingSocketFile: false
          )
          stage.log.follow(long, "bind", "too long")
          _ = try? await stage.value(long)
        }
      }
    }

    @Test func aClientThatIsBoundFirst() async throws {
      try await expectSame { stage in
        let server = try await stage.listen()
        let client = try await stage.connect(
          to: server,
          configure: { builder in
            guard let address = try? SocketAddress(ipAddress: "127.0.0.2", port: 0) else { return builder }
            return builder.bind(to: address)
          }
        )
        stage.log.note("names", client.localAddress?.ipAddress ?? "-")
        try await stage.value(client.end())
      }
    }

    @Test func connectingThatIsGivenUp() async throws {
      try await expectSame { stage in
        // A listener whose queue is full answers nobody.
        let server = try await stage.listen(configure: {
          $0.serverChannelOption(.backlog, value: 0).serverChannelOption(.autoRead, value: false)
        })
        let address = try #require(server.localAddress)
        let fill = [try PlainSocket(connectedTo: address)]
        for (what, timeout) in [("time runs out", TimeAmount.milliseconds(100)), ("closed", .seconds(100))] {
          let future = stage.recordedClient().connectTimeout(timeout).connect(to: address)
          stage.log.follow(future, what, "connect")
          if what == "closed" {
            // The other one was before.
            try await stage.until("client", "registered, is not active, addresses +-", times: 2)
            try await stage.closeLast("client")
          }
          _ = try? await stage.value(future)
        }
        withExtendedLifetime(fill) {}
      }
    }
  }
}
