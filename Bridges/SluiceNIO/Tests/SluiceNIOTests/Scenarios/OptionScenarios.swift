import NIOCore
import Testing

/// Options that are set and read.
extension Scenarios {
  @Suite struct Option {
    private func note<Option: ChannelOption>(
      _ stage: Stage,
      _ channel: any Channel,
      _ track: String,
      _ option: Option,
      set value: Option.Value?
    ) async where Option.Value: Sendable {
      let read = { @Sendable in
        let result = await outcome { try await stage.value(channel.getOption(option)) }
        return (try? result.get()).map { "\($0)" } ?? describe(result)
      }
      var line = await "\(option): \(read())"
      if let value {
        let result = await outcome { try await stage.value(channel.setOption(option, value: value)) }
        line += await ", set: \(describe(result)), \(read())"
      }
      stage.log.note(track, line)
    }

    private func noteAll(_ stage: Stage, _ channel: any Channel, _ track: String) async {
      await note(stage, channel, track, .autoRead, set: false)
      await note(stage, channel, track, .allowRemoteHalfClosure, set: true)
      await note(stage, channel, track, .maxMessagesPerRead, set: 7)
      await note(stage, channel, track, .writeSpin, set: 3)
      await note(stage, channel, track, .writeBufferWaterMark, set: .init(low: 3, high: 9))
      await note(stage, channel, track, .bufferedWritableBytes, set: nil)
      await note(stage, channel, track, .connectTimeout, set: .seconds(3))
      await note(stage, channel, track, .tcpOption(.tcp_nodelay), set: 0)
      await note(stage, channel, track, .socketOption(.so_reuseaddr), set: 1)
      await note(stage, channel, track, .socketOption(.so_keepalive), set: 1)
      await note(stage, channel, track, .socketOption(.so_error), set: nil)
    }

    @Test func optionsOfConnections() async throws {
      try await expectSame { stage in
        let server = try await stage.listen()
        let client = try await stage.connect(to: server)
        let child = try await stage.child()
        await stage.settle()
        await noteAll(stage, client, "options of the client")
        await noteAll(stage, child, "options of the child")
        try await stage.value(client.end())
        try await stage.until("child", "event inputClosed")
        try? await stage.value(child.end())
      }
    }

    @Test func optionsOfAServer() async throws {
      try await expectSame { stage in
        let server = try await stage.listen(configure: { $0.serverChannelOption(.backlog, value: 17) })
        await note(stage, server, "options", .autoRead, set: false)
        await note(stage, server, "options", .maxMessagesPerRead, set: 7)
        await note(stage, server, "options", .backlog, set: 18)
        await note(stage, server, "options", .tcpOption(.tcp_nodelay), set: nil)
        await note(stage, server, "options", .socketOption(.so_reuseaddr), set: 1)
      }
    }

    @Test func optionsOfUnixSockets() async throws {
      try await expectSame { stage in
        try await withTemporaryDirectory { directory in
          let path = directory + "/s"
          let server = try await stage.value(
            stage.recordedServer().bind(unixDomainSocketPath: path, cleanupExistingSocketFile: false)
          )
          let client = try await stage.value(stage.recordedClient().connect(unixDomainSocketPath: path))
          let child = try await stage.child()
          await stage.settle()
          for (name, channel) in [("server", server), ("client", client), ("child", child)] {
            stage.log.note(
              "names",
              "\(name): \(channel.localAddress?.pathname == path), \(channel.remoteAddress?.pathname == path)"
            )
          }
          await note(stage, client, "options", .tcpOption(.tcp_nodelay), set: 1)
          try await stage.value(client.end())
          try? await stage.value(child.closeFuture)
        }
      }
    }

    @Test func optionsThatAreReadAtOnce() async throws {
      try await expectSame { stage in
        let server = try await stage.listen()
        let client = try await stage.connect(to: server)
        let line = try await stage.value(
          client.eventLoop.submit {
            let options = client.syncOptions
            try options?.setOption(.autoRead, value: false)
            return "\(options == nil) \(try options?.getOption(.autoRead) ?? true)"
          }
        )
        stage.log.note("options", line)
        try await stage.value(client.end())
      }
    }
  }
}
