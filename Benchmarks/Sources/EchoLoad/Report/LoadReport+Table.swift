extension LoadReport {
  /// For people, several lines.
  var table: String {
    var rows = [("load", what), (options.mode.unit, throughput)]
    if options.mode == .fanout { rows.append(("rounds", tally.rounds.grouped)) }
    if tally.messages > 0 {
      rows.append(("latency us", latency))
      rows.append(("load's CPU", processor))
    }
    if let serverBusy { rows.append(("server", "\(serverBusy.text(2)) cores busy")) }
    if let rate = options.rate { rows.append(("schedule", schedule(rate))) }
    rows.append(("errors", errorText))
    if isBottleneck { rows.append(("WARNING", warning)) }
    return rows.map { $0.0.left(12) + $0.1 + "\n" }.joined()
  }

  private var what: String {
    let depth = options.messageDepth > 1 ? ", \(options.messageDepth) in flight each" : ""
    return """
      \(options.mode.rawValue) on \(options.host):\(options.port), \
      \(UInt64(options.connections).grouped) connections, \(UInt64(options.messageSize).grouped) B\(depth)
      """
  }

  private var throughput: String {
    """
    \(tally.messages.grouped) in \(tally.seconds.text(3)) s, \(messagesPerSecond.grouped)/s, \
    \(megabytesPerSecond.text(1)) MB/s each way\(options.verify && errors.total == 0 ? ", every byte verified" : "")
    """
  }

  private var latency: String {
    """
    p50 \(tally.percentile(50).text(1))  p90 \(tally.percentile(90).text(1))  p99 \(tally.percentile(99).text(1))  \
    p99.9 \(tally.percentile(99.9).text(1))  p99.99 \(tally.percentile(99.99).text(1))  \
    max \(tally.longest.text(1))  mean \(tally.mean.text(1))
    """
  }

  private var processor: String {
    """
    \(perMessage(processTime.total).text(3)) us each (user \(perMessage(processTime.user).text(3)), \
    system \(perMessage(processTime.system).text(3))), its core \((busy * 100).text(0)) % busy, \
    \((Double(tally.messages) / Double(max(1, tally.turns))).text(2)) each turn
    """
  }

  private func schedule(_ rate: Double) -> String {
    """
    \(rate.grouped)/s wanted; \(tally.late.grouped) sends late by more than \
    \((Double(EchoDriver.lateness) / 1000).text(0)) us, \(tally.held.grouped) held because their connection was full, \
    the latest by \((Double(tally.latest) / 1000).text(0)) us
    """
  }

  private var errorText: String {
    guard errors.total > 0 else { return "none" }
    return errors.byKind.map { "\($0.kind.rawValue) \(UInt64($0.count).grouped)" }.joined(separator: ", ")
  }

  private var warning: String {
    """
    the load's own core was busy \((busy * 100).text(0)) % of the time: the figures may be the load's limit and not the \
    server's. Give each a core of its own (--pin), or the load more loops (--loops).
    """
  }
}
