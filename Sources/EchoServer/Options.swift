public import ArgumentParser
public import Logging
public import Sluice

/// The command line.
struct Options: ParsableArguments {
  enum Mode: String, ExpressibleByArgument, CaseIterable {
    case async
    case handler
  }

  @Option(
    help: ArgumentHelp(
      """
      The address to listen on: IPv4, IPv6 (:: is every address of both families), or link-local with its interface, \
      such as fe80::1%eth0. Names are not looked up, except localhost.
      """,
      valueName: "address"
    )
  )
  var host = "127.0.0.1"

  @Option(help: "The port to listen on; 0 lets the kernel choose one, and the first line of output says which.")
  var port: UInt16 = 7007

  @Option(
    help: ArgumentHelp(
      """
      A Unix socket to listen on, beside the host and the port: a path, whose socket is removed at the end, or @ and a name \
      outside of the file system. May be given several times.
      """,
      valueName: "path"
    )
  )
  var unix: [String] = []

  @Flag(
    help: """
      Echo datagrams (UDP) instead of connections: one socket for each loop, all on the same port. Knows --host, --port, --loops, \
      --pin, --mode, --driver and --log-level.
      """
  )
  var datagrams = false

  @Flag(help: "With --host ::, leave IPv4 alone.")
  var ipv6Only = false

  @Option(
    help: ArgumentHelp(
      "How many event loops, each with a thread, a listener and a pool, from 1 to 1024; one per core is usual.",
      valueName: "number"
    )
  )
  var loops = 1

  @Flag(help: "Pin loop number i to processor i, counted from 0.")
  var pin = false

  @Option(help: "Serve connections with tasks (async), or with a synchronous handler, which costs less.")
  var mode = Mode.async

  @Option(
    help: ArgumentHelp(
      """
      Connections open at once, over all loops, at least 1; beyond it accepting pauses, and peers wait. Each takes a \
      descriptor, see `ulimit -n`.
      """,
      valueName: "number"
    )
  )
  var maxConnections = 100_000

  @Option(
    help: ArgumentHelp(
      "Close connections on which no byte moved for so long, from 0.001 to 1000000000 seconds; 0: never.",
      valueName: "seconds"
    )
  )
  var idleTimeout = Seconds(0)

  @Option(
    help: ArgumentHelp(
      """
      After a signal, how long open connections may take to finish, from 0.001 to 1000000000 seconds; 0: they are closed \
      at once.
      """,
      valueName: "seconds"
    )
  )
  var drainTimeout = Seconds(10)

  @Option(
    help: ArgumentHelp(
      """
      The most memory for buffers, for each loop, from 16K to 1024G. K, M and G are 1024 of the one before; a plain \
      number is bytes.
      """,
      valueName: "bytes"
    )
  )
  var poolBytes = ByteCount(64 << 20)

  @Option(
    help: ArgumentHelp(
      """
      Send messages of at least so many bytes, such as 4K, without a copy in the kernel: for real network cards, and \
      only up to 1M. Without this option none is sent so.
      """,
      valueName: "bytes"
    )
  )
  var zeroCopy: ByteCount?

  @Option(
    help: ArgumentHelp(
      """
      Before sleeping, look for work for so many microseconds, at most 10000, as long as waits are short: saves the \
      time of waking up, costs the core. 0: sleep at once.
      """,
      valueName: "microseconds"
    )
  )
  var spin = 0

  @Option(
    help: ArgumentHelp(
      """
      Print a line of statistics every so many seconds, from 0.1 to 1000000000, as long as somebody reads the output. \
      Without this option none is printed.
      """,
      valueName: "seconds"
    )
  )
  var stats: Seconds?

  @Option(
    help: ArgumentHelp(
      """
      What carries out the operations: ioUring, or readiness (epoll), which needs no permission and costs a system call \
      or two for each message. automatic: what the environment variable SLUICE_DRIVER says; without it io_uring, or epoll \
      where that cannot be set up.
      """,
      valueName: "driver"
    )
  )
  var driver = EventLoop.Driver.automatic

  @Flag(help: "Print which driver runs here and why, what it can do, what is used instead of what it lacks, and exit.")
  var features = false

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Kernel features to do without, by their names in --features, with spaces between them.",
      valueName: "feature"
    )
  )
  var without: [KernelFeature] = []

  @Option(help: ArgumentHelp("The least severe messages to log, on the standard error.", valueName: "level"))
  var logLevel = Logger.Level.notice

  func validate() throws {
    do {
      _ = try address
    } catch {
      throw ValidationError(
        error.kind == .invalidScope
          ? "'\(host)': what follows '%' must be an interface of this system, and only link-local IPv6 addresses have one."
          : "'\(host)' is not an IPv4 or IPv6 address; other names are not looked up."
      )
    }
    do {
      _ = try unixAddresses
    } catch {
      throw ValidationError("--unix: \(error).")
    }
    guard !datagrams || unix.isEmpty else {
      throw ValidationError("--datagrams and --unix are not for the same server: there are two kinds of socket.")
    }
    guard loops >= 1, loops <= 1024 else { throw ValidationError("--loops must be from 1 to 1024.") }
    guard maxConnections >= 1 else { throw ValidationError("--max-connections must be at least 1.") }
    guard spin >= 0, spin <= 10_000 else { throw ValidationError("--spin must be from 0 to 10000.") }
    guard poolBytes.value >= 16 << 10, poolBytes.value <= 1024 << 30 else {
      throw ValidationError("--pool-bytes must be at least 16K and at most 1024G.")
    }
    if let zeroCopy, zeroCopy.value < 1 { throw ValidationError("--zero-copy must be at least 1.") }
    if let stats, stats.duration < .milliseconds(100) { throw ValidationError("--stats must be at least 0.1.") }
  }

  var address: SocketAddress {
    get throws(SocketError) { try SocketAddress(host: host, port: port) }
  }

  var unixAddresses: [SocketAddress] {
    get throws(SocketError) {
      var addresses: [SocketAddress] = []
      for name in unix {
        addresses.append(name.hasPrefix("@") ? try .unix(abstract: String(name.dropFirst())) : try .unix(path: name))
      }
      return addresses
    }
  }

  var logger: Logger {
    var logger = Logger(label: "echo")
    logger.logLevel = logLevel
    return logger
  }

  var datagramConfiguration: DatagramServer.Configuration {
    var configuration = DatagramServer.Configuration()
    configuration.loops = loops
    configuration.pinned = pin
    configuration.loop.driver = driver
    configuration.loop.spin = .microseconds(spin)
    configuration.loop.disabledFeatures = without
    return configuration
  }

  var serverConfiguration: TCPServer.Configuration {
    var configuration = TCPServer.Configuration()
    configuration.loops = loops
    configuration.pinned = pin
    configuration.maximumConnections = maxConnections
    configuration.options.ipv6Only = ipv6Only
    configuration.limits.idleTimeout = idleTimeout.duration > .zero ? idleTimeout.duration : nil
    configuration.drainTimeout = drainTimeout.duration
    configuration.loop.driver = driver
    configuration.loop.poolBytes = poolBytes.value
    configuration.loop.spin = .microseconds(spin)
    configuration.loop.disabledFeatures = without
    configuration.loop.zeroCopySendThreshold = zeroCopy?.value
    return configuration
  }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}

extension EventLoop.Driver: ExpressibleByArgument {}

extension KernelFeature: ExpressibleByArgument {
  /// The feature of that name, as `--features` prints it.
  public init?(argument: String) {
    guard let feature = KernelFeature.allCases.first(where: { "\($0)" == argument }) else { return nil }
    self = feature
  }

  /// The names there are.
  public static var allValueStrings: [String] { allCases.map { "\($0)" } }
}
