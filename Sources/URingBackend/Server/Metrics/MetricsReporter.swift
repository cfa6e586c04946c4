#if Metrics
  internal import CoreMetrics

  /// Publishes a server's figures: what has changed since the last time, and levels. Instruments are made once, before the
  /// first figures, where the factory is the one of the task that serves.
  struct MetricsReporter {
    private typealias Figure = (LoopStatistics) -> UInt64

    private struct Count {
      let counter: Counter
      let figure: Figure
      var published: UInt64 = 0
    }

    private struct Level {
      let meter: Meter
      let figure: Figure
    }

    private var counts: [Count] = []
    private var levels: [Level] = []
    private let factory: (any MetricsFactory)?
    private let dimensions: [(String, String)]

    /// - Parameters:
    ///   - factory: makes the instruments. Nil: the current task's, or the process's.
    ///   - dimensions: what all of them carry.
    ///   - slotBytes: bytes of a receive slot.
    init(_ factory: (any MetricsFactory)?, _ dimensions: [(String, String)], slotBytes: Int) {
      self.factory = factory
      self.dimensions = dimensions
      addConnections()
      addBytes()
      let slot = UInt64(slotBytes)
      level("sluice.pool.bytes", ("state", "free")) { $0.slotsFree * slot }
      level("sluice.pool.bytes", ("state", "posted")) { $0.slotsPosted * slot }
      level("sluice.pool.bytes", ("state", "lent")) { $0.slotsLocked * slot }
      level("sluice.pool.bytes", ("state", "copies")) { $0.bytesHeld }
      count("sluice.pool.starved") { $0.starvedWaits }
      count("sluice.loop.turns") { $0.turns }
    }

    private mutating func addConnections() {
      level("sluice.connections.active") { $0.connectionsOpen }
      count("sluice.connections.accepted") { $0.connectionsOpened }
      count("sluice.connections.closed") { $0.connectionsClosed }
      count("sluice.connections.given_up", ("reason", "no_progress")) {
        $0.connectionsGivenUp - min($0.connectionsGivenUp, $0.connectionsEvicted)
      }
      count("sluice.connections.given_up", ("reason", "holds_memory")) { $0.connectionsEvicted }
      count("sluice.connections.errors") { $0.handlerErrors }
      count("sluice.accepts.paused") { $0.acceptsPaused }
    }

    private mutating func addBytes() {
      count("sluice.network.io", ("network.io.direction", "receive")) { $0.bytesReceived }
      count("sluice.network.io", ("network.io.direction", "transmit")) { $0.bytesSent }
      count("sluice.bytes.copied") { $0.bytesCopied }
      // That the kernel copied is known late, and this falls then; what is published never does.
      count("sluice.zero_copy.sends", ("result", "zero_copied")) {
        $0.zeroCopySends - min($0.zeroCopySends, $0.zeroCopyCopied)
      }
      count("sluice.zero_copy.sends", ("result", "copied")) { $0.zeroCopyCopied }
      count("sluice.zero_copy.sends", ("result", "fallback")) { $0.zeroCopyFallbacks }
    }

    private mutating func count(_ label: String, _ own: (String, String)..., figure: @escaping Figure) {
      let dimensions = dimensions + own
      let counter =
        factory.map { Counter(label: label, dimensions: dimensions, factory: $0) }
        ?? Counter(label: label, dimensions: dimensions)
      counts.append(Count(counter: counter, figure: figure))
    }

    private mutating func level(_ label: String, _ own: (String, String)..., figure: @escaping Figure) {
      let dimensions = dimensions + own
      let meter =
        factory.map { Meter(label: label, dimensions: dimensions, factory: $0) }
        ?? Meter(label: label, dimensions: dimensions)
      levels.append(Level(meter: meter, figure: figure))
    }

    /// Publishes what `statistics` says, and has not said before.
    mutating func publish(_ statistics: LoopStatistics) {
      for index in counts.indices {
        let now = counts[index].figure(statistics)
        guard now > counts[index].published else { continue }
        counts[index].counter.increment(by: now - counts[index].published)
        counts[index].published = now
      }
      for level in levels { level.meter.set(level.figure(statistics)) }
    }
  }

  extension TCPServer {
    /// Begins to publish figures, where somebody wants them. The task ends, with the last of them, when it is cancelled.
    func startReporting(_ running: Running, at addresses: [SocketAddress]) -> Task<Void, Never>? {
      guard let reporting = configuration.metrics else { return nil }
      // An unstructured task: it takes the task-locals along, and lasts until the drain is over, however that was begun.
      return Task {
        var reporter = MetricsReporter(
          reporting.factory,
          MetricsReporter.dimensions(addresses),
          slotBytes: running.loops[0].memory.plan.slotBytes
        )
        while !Task.isCancelled {
          reporter.publish(running.statistics)
          try? await Task.sleep(for: max(reporting.interval, .milliseconds(1)))
        }
        reporter.publish(running.statistics)
      }
    }
  }

  extension MetricsReporter {
    /// Of a server on several addresses the first: figures are the server's, and not of one of them.
    fileprivate static func dimensions(_ addresses: [SocketAddress]) -> [(String, String)] {
      guard let address = addresses.first else { return [] }
      guard address.family != .unix else { return [("server.address", address.host), ("network.transport", "unix")] }
      return [
        ("server.address", address.host),
        ("server.port", String(address.port)),
        ("network.transport", "tcp"),
      ]
    }
  }
#endif
