public import ArgumentParser
public import Logging
public import URingBackend

/// The command line.
struct Options: ParsableArguments {
  enum Mode: String, ExpressibleByArgument, CaseIterable {
    case async
    case handler
  }

  @Option(help: "The IPv4 or IPv6 address to listen on.")
  var host = "127.0.0.1"

  @Option(help: "The port to listen on; 0 lets the kernel choose, and prints which.")
  var port: UInt16 = 7007

  @Option(help: "How many event loops, each with a thread and a listener; one per core is usual.")
  var loops = 1

  @Flag(help: "Pin loop number i to processor i.")
  var pin = false

  @Option(help: "Serve connections with tasks (async) or with a synchronous handler.")
  var mode = Mode.async

  @Option(help: "Connections open at once; beyond it accepting pauses.")
  var maxConnections = 100_000

  @Option(help: "Close connections on which nothing moved for this many seconds; 0: never.")
  var idleTimeout = 0.0

  @Option(help: "After a signal, how many seconds connections may take to finish.")
  var drainTimeout = 10.0

  @Option(help: "Memory for buffers, in bytes per loop, such as 67108864, 64K or 16M.")
  var poolBytes = ByteCount(value: 64 << 20)

  @Option(
    help: ArgumentHelp(
      "Send messages of at least so many bytes, such as 4K, without a copy in the kernel: for real network cards.",
      valueName: "bytes"
    )
  )
  var zeroCopy: ByteCount?

  @Option(
    help: ArgumentHelp(
      "Before sleeping, look for work for so many microseconds, as long as waits are short; 0: sleep at once.",
      valueName: "microseconds"
    )
  )
  var spin = 0

  @Option(help: "Print a line of statistics every so many seconds.")
  var stats: Double?

  @Flag(help: "Print what this kernel offers and what is used, and exit.")
  var features = false

  @Option(parsing: .upToNextOption, help: "Kernel features to do without, by their names in --features.")
  var without: [KernelFeature] = []

  @Option(help: "The least severe messages to log: trace, debug, info, notice, warning, error or critical.")
  var logLevel = Logger.Level.notice

  func validate() throws {
    guard (try? SocketAddress(host: host, port: port)) != nil else {
      throw ValidationError("'\(host)' is not an IPv4 or IPv6 address; other names are not looked up.")
    }
    guard loops >= 1, loops <= 1024 else { throw ValidationError("--loops must be from 1 to 1024.") }
    guard maxConnections >= 1 else { throw ValidationError("--max-connections must be at least 1.") }
    guard spin >= 0, spin <= 10_000 else { throw ValidationError("--spin must be from 0 to 10000.") }
    guard idleTimeout >= 0, drainTimeout >= 0 else { throw ValidationError("A timeout cannot be negative.") }
    guard poolBytes.value >= 16 << 10 else { throw ValidationError("--pool-bytes must be at least 16K.") }
    if let zeroCopy, zeroCopy.value < 1 { throw ValidationError("--zero-copy must be at least 1.") }
    if let stats, stats < 0.1 { throw ValidationError("--stats must be at least 0.1.") }
  }

  var logger: Logger {
    var logger = Logger(label: "echo")
    logger.logLevel = logLevel
    return logger
  }

  var serverConfiguration: TCPServer.Configuration {
    var configuration = TCPServer.Configuration()
    configuration.loops = loops
    configuration.pinned = pin
    configuration.maximumConnections = maxConnections
    configuration.limits.idleTimeout = idleTimeout > 0 ? .seconds(idleTimeout) : nil
    configuration.drainTimeout = .seconds(drainTimeout)
    configuration.loop.poolBytes = poolBytes.value
    configuration.loop.spin = .microseconds(spin)
    configuration.loop.disabledFeatures = without
    configuration.loop.zeroCopySendThreshold = zeroCopy?.value
    return configuration
  }
}

/// A number of bytes, with K, M or G behind it if need be.
struct ByteCount: ExpressibleByArgument, CustomStringConvertible {
  let value: Int

  init(value: Int) {
    self.value = value
  }

  init?(argument: String) {
    let units: [Character: Int] = ["K": 10, "M": 20, "G": 30]
    let shift = argument.last.flatMap { units[Character($0.uppercased())] }
    guard let number = Int(shift == nil ? argument : String(argument.dropLast())), number >= 0 else { return nil }
    let (value, overflow) = number.multipliedReportingOverflow(by: 1 << (shift ?? 0))
    guard !overflow else { return nil }
    self.value = value
  }

  var description: String { "\(value)" }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}

extension KernelFeature: ExpressibleByArgument {
  /// The feature of that name, as `--features` prints it.
  public init?(argument: String) {
    guard let feature = KernelFeature.allCases.first(where: { "\($0)" == argument }) else { return nil }
    self = feature
  }

  /// The names there are.
  public static var allValueStrings: [String] { allCases.map { "\($0)" } }
}
