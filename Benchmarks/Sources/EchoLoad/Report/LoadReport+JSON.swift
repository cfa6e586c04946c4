extension LoadReport {
  /// One line, with a line break. Times that end in `_us` are microseconds.
  var json: String {
    var line = JSONLine()
    line.add("mode", options.mode.rawValue)
    line.add("connections", options.connections)
    line.add("size", options.messageSize)
    line.add("depth", options.messageDepth)
    if let rate = options.rate { line.add("rate", rate, places: 3) }
    line.add("messages", Int(clamping: tally.messages))
    line.add("bytes", Int(clamping: tally.bytes))
    line.add("seconds", tally.seconds, places: 6)
    line.add("messages_per_second", messagesPerSecond, places: 1)
    line.add("megabytes_per_second", megabytesPerSecond, places: 3)
    line.add("mean_us", tally.mean, places: 3)
    for (name, percent) in LoadReport.percentiles { line.add("\(name)_us", tally.percentile(percent), places: 3) }
    line.add("max_us", tally.longest, places: 3)
    if options.mode == .fanout { line.add("rounds", Int(clamping: tally.rounds)) }
    if options.rate != nil {
      line.add("late_sends", Int(clamping: tally.late))
      line.add("held_sends", Int(clamping: tally.held))
      line.add("latest_send_us", Double(tally.latest) / 1000, places: 3)
    }
    line.add("load_user_us", perMessage(processTime.user), places: 4)
    line.add("load_system_us", perMessage(processTime.system), places: 4)
    line.add("load_busy", busy, places: 4)
    if let serverBusy { line.add("server_busy", serverBusy, places: 4) }
    line.add("load_is_bottleneck", isBottleneck)
    line.add("waits", Int(clamping: tally.turns))
    line.add("verified", options.verify && errors.total == 0)
    line.add("errors", errors.total)
    var kinds = JSONLine()
    for (kind, count) in errors.byKind { kinds.add(kind.rawValue, count) }
    line.add("errors_by_kind", kinds)
    return line.text + "\n"
  }

  /// The percentiles that are reported, with their names in the JSON.
  static let percentiles: [(name: String, percent: Double)] = [
    ("p50", 50), ("p90", 90), ("p99", 99), ("p999", 99.9), ("p9999", 99.99),
  ]
}
