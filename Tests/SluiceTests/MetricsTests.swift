#if Metrics
  import CoreMetrics
  import MetricsTestKit
  import Sluice
  import Testing

  /// What a server tells swift-metrics: at the beginning, at intervals and at the end.
  @Suite(.timeLimit(.minutes(5)))
  struct MetricsTests {
    /// Serves one client that has eight bytes echoed.
    /// - Returns: the port.
    private func serveOnce(_ server: TCPServer, whileServing check: () async throws -> Void) async throws -> UInt16 {
      let (listening, report) = AsyncStream<SocketAddress>.makeStream()
      async let summary = server.run(whenListening: { report.yield($0) }) { connection in
        while let view = try await connection.receive() { try await connection.send(view) }
      }
      let address = try #require(await listening.first { _ in true })
      let loops = try LoopGroup()
      let connection = try await TCPConnection.connect(to: address, on: loops.loops[0])
      var buffer = try connection.arena.allocate(minimumCapacity: 8)
      try buffer.append(42, as: .big)
      try await connection.send(buffer)
      var received = 0
      while received < 8, let view = try await connection.receive() { received += view.count }
      try await check()
      await connection.close()
      server.shutdown()
      #expect(try await summary.totals.connectionsClosed == 1)
      await loops.shutdown()
      return address.port
    }

    private func dimensions(_ port: UInt16, _ own: (String, String)...) -> [(String, String)] {
      [("server.address", "127.0.0.1"), ("server.port", "\(port)"), ("network.transport", "tcp")] + own
    }

    /// An interval that never comes to its end: what is there is what the end of the server brought.
    @Test func whatAServerDidIsPublishedWhenItEnds() async throws {
      let metrics = TestMetrics()
      var configuration = TCPServer.Configuration()
      configuration.metrics = MetricsReporting(every: .seconds(100_000), to: metrics)
      let server = TCPServer(address: .loopback(port: 0), configuration: configuration)
      let port = try await serveOnce(server) {}
      let common = dimensions(port)
      #expect(try metrics.expectCounter("sluice.connections.accepted", common).totalValue == 1)
      #expect(try metrics.expectCounter("sluice.connections.closed", common).totalValue == 1)
      #expect(try metrics.expectMeter("sluice.connections.active", common).lastValue == 0)
      for direction in ["receive", "transmit"] {
        let counter = try metrics.expectCounter(
          "sluice.network.io",
          dimensions(port, ("network.io.direction", direction))
        )
        #expect(counter.totalValue == 8)
      }
      #expect(try metrics.expectCounter("sluice.loop.turns", common).totalValue > 0)
      #expect(try metrics.expectCounter("sluice.bytes.copied", common).totalValue == 0)
    }

    @Test func whatAServerHoldsIsPublishedAtIntervals() async throws {
      let metrics = TestMetrics()
      var configuration = TCPServer.Configuration()
      configuration.metrics = MetricsReporting(every: .milliseconds(1), to: metrics)
      let server = TCPServer(address: .loopback(port: 0), configuration: configuration)
      _ = try await serveOnce(server) {
        while true {
          let active = metrics.meters.first { $0.label == "sluice.connections.active" }
          let free = metrics.meters.first { $0.label == "sluice.pool.bytes" && $0.dimensions.last?.1 == "posted" }
          if active?.lastValue == 1, let bytes = free?.lastValue, bytes > 0 { break }
          await Task.yield()
        }
      }
    }

    @Test func theFactoryOfTheTaskThatServesIsUsed() async throws {
      let metrics = TestMetrics()
      var configuration = TCPServer.Configuration()
      configuration.metrics = MetricsReporting(every: .seconds(100_000))
      let server = TCPServer(address: .loopback(port: 0), configuration: configuration)
      let port = try await withMetricsFactory(metrics) { try await serveOnce(server) {} }
      #expect(try metrics.expectCounter("sluice.connections.accepted", dimensions(port)).totalValue == 1)
    }

    @Test func withoutAWishNothingIsPublished() async throws {
      let metrics = TestMetrics()
      _ = try await withMetricsFactory(metrics) {
        try await serveOnce(TCPServer(address: .loopback(port: 0))) {}
      }
      #expect(metrics.counters.isEmpty && metrics.meters.isEmpty)
    }
  }
#endif
