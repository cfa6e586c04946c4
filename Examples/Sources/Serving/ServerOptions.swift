public import ArgumentParser
public import Logging
public import Sluice

/// What every server here has on its command line.
public struct ServerOptions: ParsableArguments {
  /// The address to listen on.
  @Option(help: ArgumentHelp("The IPv4 or IPv6 address to listen on; :: is every address.", valueName: "address"))
  public var host = "127.0.0.1"

  /// Seconds that connections have to finish.
  @Option(
    help: ArgumentHelp(
      "After a signal, how long open connections may take to finish before they are closed.",
      valueName: "seconds"
    )
  )
  public var drainTimeout = 10

  /// What carries out the operations.
  @Option(help: "What carries out the operations: ioUring, readiness (epoll), or automatic, which prefers the first.")
  public var driver = EventLoop.Driver.automatic

  /// The least severe messages to log.
  @Option(help: ArgumentHelp("The least severe messages to log, on the standard error.", valueName: "level"))
  public var logLevel = Logger.Level.notice

  /// Everything has its default.
  public init() {}

  /// Refuses what is no address.
  public func validate() throws {
    guard (try? address(0)) != nil else {
      throw ValidationError("'\(host)' is not an IPv4 or IPv6 address; other names are not looked up.")
    }
    guard drainTimeout >= 0 else { throw ValidationError("--drain-timeout must be at least 0.") }
  }

  /// Where to listen.
  public func address(_ port: UInt16) throws(SocketError) -> SocketAddress {
    try SocketAddress(host: host, port: port)
  }

  /// A logger, which writes to the standard error.
  public func logger(_ label: String) -> Logger {
    var logger = Logger(label: label)
    logger.logLevel = logLevel
    return logger
  }

  /// A configuration with what the command line says.
  public var configuration: TCPServer.Configuration {
    var configuration = TCPServer.Configuration()
    configuration.drainTimeout = .seconds(drainTimeout)
    configuration.loop.driver = driver
    return configuration
  }
}

extension ArgumentHelp {
  /// Of the option `--port`, whose default is another one for each server.
  public static let port: ArgumentHelp =
    "The port to listen on; 0 lets the kernel choose one, and the first line of output says which."
}

/// What servers that run on several loops have on their command line, too.
public struct LoopOptions: ParsableArguments {
  /// How many loops.
  @Option(
    name: .customLong("loops"),
    help: "How many event loops, with a thread each, from 1 to 1024; one per core is usual."
  )
  public var count = 1

  /// Everything has its default.
  public init() {}

  /// Refuses what no server takes.
  public func validate() throws {
    guard (1...1024).contains(count) else { throw ValidationError("--loops must be from 1 to 1024.") }
  }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
extension EventLoop.Driver: @retroactive ExpressibleByArgument {}
