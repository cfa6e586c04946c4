import ArgumentParser
import URingBackend

/// The command line.
struct Options: ParsableArguments {
  @Option(help: "The server's address: loopback only (127.0.0.0/8 or ::1).")
  var host = "127.0.0.1"

  @Option(help: "The server's port.")
  var port: UInt16

  @Option(
    help: """
      Spread the connections over so many addresses, from --host upwards: for a server that listens on 0.0.0.0. Each \
      has local ports of its own, of which there are about 28000; a closed one can be used again after one to two seconds.
      """
  )
  var addresses = 1

  @Option(help: "What to do with the connections; see above.")
  var mode = Mode.pingpong

  @Option(help: "Connections; in churn: how many are made and closed at a time.")
  var connections = 50

  @Option(help: "Bytes of a message, such as 64, 16K or 1M. (default: 64; bulk: 64K)")
  var size: ByteCount?

  @Option(
    help: "Messages in flight on each connection; in fanout: rounds in flight. (default: 1; bulk: 16; --rate: 64)"
  )
  var depth: Int?

  @Option(
    name: [.customLong("duration"), .customLong("seconds")],
    help: "Measured seconds; in idle: how long the connections are held. (default: 10, if --messages is not given)"
  )
  var duration: Double?

  @Option(help: "Measured messages (in churn: connections; in fanout: deliveries), instead of a duration.")
  var messages: UInt64?

  @Option(
    help: "Messages before the measured ones: a number, not seconds. (default: up to 20000)"
  )
  var warmup: UInt64?

  @Option(help: "Open loop: messages a second over all connections, sent by the clock (pingpong only).")
  var rate: Double?

  @Option(help: "In idle: how many connections to probe after the hold. (default: all)")
  var sample: Int?

  @Flag(help: "Compare every byte that comes back.")
  var verify = false

  @Flag(help: "Print one line of JSON instead of the table.")
  var json = false

  @Flag(help: "Print `step warm` and `step measured`, and wait for a line on standard input at each.")
  var steps = false

  @Flag(help: "No progress on standard error.")
  var quiet = false

  @Option(help: "Event loops, each with a thread; the connections are divided among them.")
  var loops = 1

  @Option(help: "Pin loop number i to processor PIN + i.")
  var pin: Int?

  @Option(help: "The server's process, so that the load knows whether the server was busy too.")
  var serverPid: Int32?

  @Option(help: "Give up when nothing moves for so many seconds.")
  var patience = 30.0

  func validate() throws {
    try validateAddress()
    try check(addresses, 1...200, "--addresses")
    if addresses > 1, !host.hasPrefix("127.") {
      throw ValidationError("--addresses needs a --host in 127.0.0.0/8.")
    }
    try check(connections, 1...60_000, "--connections")
    if let size { try check(size.value, 1...(256 << 20), "--size") }
    if let depth { try check(depth, 1...4096, "--depth") }
    if let messages { try check(messages, 1...(1 << 40), "--messages") }
    if let warmup { try check(warmup, 0...(1 << 40), "--warmup") }
    if let duration { try check(duration, 0.001...86_400, "--duration") }
    if let rate { try check(rate, 0.01...10_000_000, "--rate") }
    if let serverPid, ServerTime.seconds(of: serverPid) == nil {
      throw ValidationError("--server-pid \(serverPid): there is no such process.")
    }
    if let pin { try check(pin, 0...1023, "--pin") }
    if let sample { try check(sample, 1...60_000, "--sample") }
    try check(loops, 1...64, "--loops")
    try check(patience, 0.1...3600, "--patience")
    try validateCombinations()
  }

  private func validateAddress() throws {
    guard port > 0 else { throw ValidationError("--port must be from 1 to 65535: the server prints which one it has.") }
    guard let address = try? SocketAddress(host: host, port: port) else {
      throw ValidationError("'\(host)' is not an IPv4 or IPv6 address; names are not looked up.")
    }
    guard address.host.hasPrefix("127.") || address.host == "::1" else {
      throw ValidationError("'\(host)' is another machine; the load is for loopback only (127.0.0.0/8 or ::1).")
    }
  }

  private func validateCombinations() throws {
    if duration != nil, messages != nil, mode != .idle {
      throw ValidationError("--duration and --messages both end the run: give one.")
    }
    if mode == .idle, messages != nil {
      throw ValidationError("--messages means nothing in idle: --duration holds, --sample says how many are probed.")
    }
    if rate != nil, mode != .pingpong {
      throw ValidationError("--rate is for --mode pingpong.")
    }
    if sample != nil, mode != .idle {
      throw ValidationError("--sample is for --mode idle.")
    }
    if depth != nil, mode == .churn || mode == .idle {
      throw ValidationError("--depth means nothing in \(mode): one message at a time.")
    }
    if mode == .fanout, loops > 1 {
      throw ValidationError("--mode fanout runs on one loop: a round spans all connections.")
    }
    if loops > connections {
      throw ValidationError("--loops cannot be above --connections.")
    }
    if mode == .churn, connections > 1000 {
      throw ValidationError("--connections can be at most 1000 in churn: so many are made and closed at a time.")
    }
    let (inFlight, overflow) = messageSize.multipliedReportingOverflow(by: messageDepth)
    guard !overflow, inFlight <= 1 << 30 else {
      throw ValidationError("--size times --depth can be at most 1G bytes on a connection.")
    }
  }

  private func check<Value: Comparable>(_ value: Value, _ range: ClosedRange<Value>, _ name: String) throws {
    guard range.contains(value) else {
      throw ValidationError("\(name) must be from \(range.lowerBound) to \(range.upperBound).")
    }
  }

  // MARK: What was not given

  var messageSize: Int { size?.value ?? mode.defaultSize }

  var messageDepth: Int { depth ?? mode.defaultDepth(isOpenLoop: rate != nil) }

  /// Messages before the measured ones.
  var warmupMessages: UInt64 {
    if mode == .idle { return 0 }
    if let warmup { return warmup }
    let inFlight = UInt64(connections) * UInt64(messageDepth)
    // Neither more than a second of an open loop, nor more than 256 MiB where messages are large.
    if let rate { return min(20_000, 20 * inFlight, UInt64(rate)) }
    return min(20_000, 20 * inFlight, max(inFlight, (256 << 20) / UInt64(messageSize)))
  }

  /// Seconds that idle connections are held.
  var holdSeconds: Double { mode == .idle ? duration ?? 10 : 0 }

  /// What ends the measured phase.
  var limit: Quota.Limit {
    if mode == .idle { return .messages(UInt64(min(sample ?? connections, connections))) }
    if let messages { return .messages(messages) }
    // A schedule has a known number of messages.
    if let rate { return .messages(UInt64(max(1, (duration ?? 10) * rate))) }
    return .time(UInt64((duration ?? 10) * 1e9))
  }
}
