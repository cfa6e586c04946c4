public import ArgumentParser
public import NIOCore
import NIOPosix
import SluiceNIO

/// What every server here has on its command line.
public struct ServingOptions: ParsableArguments, Sendable {
  /// Whose event loops serve.
  public enum Group: String, ExpressibleByArgument, CaseIterable, Sendable {
    /// This package's, on the ring.
    case ring
    /// SwiftNIO's own.
    case nio
  }

  /// The address to listen on.
  @Option(help: "The IPv4 or IPv6 address, or the host, to listen on.")
  public var host = "127.0.0.1"

  /// The port to listen on.
  @Option(help: "The port to listen on; 0 lets the kernel choose, and prints which.")
  public var port: UInt16 = 0

  /// How many event loops there are.
  @Option(help: "How many event loops, each with a thread.")
  public var loops = 1

  /// Whose event loops serve.
  @Option(
    help: "Whose event loops: ring (SluiceNIO's), or nio (MultiThreadedEventLoopGroup). The handlers are the same."
  )
  public var group = Group.ring

  /// Seconds that open connections have to finish after a signal.
  @Option(help: ArgumentHelp("After a signal, how long open requests may take to finish.", valueName: "seconds"))
  public var drainTimeout: Int64 = 10

  /// Everything has its default.
  public init() {}

  /// Refuses numbers of which there is nothing.
  public func validate() throws {
    guard loops >= 1, loops <= 1024 else { throw ValidationError("--loops must be from 1 to 1024.") }
    guard drainTimeout >= 0 else { throw ValidationError("--drain-timeout must be at least 0.") }
  }

  /// Starts the event loops.
  ///
  /// - Throws: `RingError` when a loop on the ring cannot be had.
  public func makeGroup() throws -> any EventLoopGroup {
    switch group {
    case .ring: try RingEventLoopGroup(numberOfThreads: loops)
    case .nio: MultiThreadedEventLoopGroup(numberOfThreads: loops)
    }
  }
}
