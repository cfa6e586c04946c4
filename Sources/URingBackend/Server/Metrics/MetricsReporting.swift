#if Metrics
  public import CoreMetrics

  /// What a server tells swift-metrics, and how often: see ``TCPServer/Configuration/metrics``.
  ///
  /// Published are differences and levels of `TCPServer.statistics`, once per interval and once at the end; a message costs
  /// nothing. No figure is about a single peer.
  ///
  /// | label | kind | dimensions of its own |
  /// | --- | --- | --- |
  /// | `sluice.connections.active` | meter | |
  /// | `sluice.connections.accepted`, `sluice.connections.closed` | counter | |
  /// | `sluice.connections.given_up` | counter | `reason`: `no_progress`, `holds_memory` |
  /// | `sluice.connections.errors` | counter: bodies and handlers that threw | |
  /// | `sluice.accepts.paused` | counter | |
  /// | `sluice.network.io` | counter of bytes | `network.io.direction`: `receive`, `transmit` |
  /// | `sluice.pool.bytes` | meter | `state`: `free`, `posted` to the kernel, `lent` as views, `copies` |
  /// | `sluice.pool.starved` | counter of waits for a slot | |
  /// | `sluice.loop.turns` | counter | |
  /// | `sluice.bytes.copied` | counter | |
  /// | `sluice.zero_copy.sends` | counter | `result`: `zero_copied`, `copied`, `fallback` |
  ///
  /// All of them carry `server.address`, `server.port` and `network.transport`.
  public struct MetricsReporting: Sendable {
    /// How often figures are published.
    public var interval: Duration
    /// Takes them. Nil: the factory of the task that runs the server, or else the process's (`MetricsSystem.bootstrap`).
    public var factory: (any MetricsFactory)?

    /// - Parameters:
    ///   - interval: how often figures are published; a millisecond at least.
    ///   - factory: takes them. Nil: the factory of the task that runs the server, or else the process's.
    public init(every interval: Duration = .seconds(1), to factory: (any MetricsFactory)? = nil) {
      self.interval = interval
      self.factory = factory
    }
  }
#endif
