import ArgumentParser
import Glibc
import NIOCore
import NIOPosix

/// The peer on SwiftNIO: sends back what it receives, the way a good user of NIO writes it.
///
/// The settings are those that were best of what was tried; `EchoBootstrap` says which.
@main
struct NIOEcho: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "NIOEcho",
    abstract: "A TCP echo server on SwiftNIO, to be measured against.",
    discussion: """
      handler: a channel handler writes in channelRead and flushes in channelReadComplete. async: NIOAsyncChannel with \
      executeThenClose, a task for each connection. SIGINT and SIGTERM close everything and print the counts.
      """
  )

  enum Mode: String, ExpressibleByArgument, CaseIterable {
    case handler
    case async
  }

  enum Executor: String, ExpressibleByArgument, CaseIterable {
    case pool
    case loop
  }

  @Option(help: "The IPv4 or IPv6 address to listen on.")
  var host = "127.0.0.1"

  @Option(help: "The port to listen on; 0 lets the kernel choose, and prints which.")
  var port: UInt16 = 7007

  @Option(help: "How many event loops, each with a thread.")
  var loops = 1

  @Option(help: "Serve connections with a channel handler (handler) or with tasks (async).")
  var mode = Mode.handler

  @Option(
    help: """
      async only. Where tasks run: the concurrency pool, as the documentation teaches it (pool), or the event loops, \
      installed as the global executor by NIO's own unsafe call (loop).
      """
  )
  var executor = Executor.pool

  @Flag(help: "handler only: each received message goes to every connection of the server. One loop.")
  var fanOut = false

  @Flag(help: "Datagrams instead of connections (UDP). One loop.")
  var datagrams = false

  @OptionGroup(title: "Settings to compare") var tuning: Tuning

  func validate() throws {
    guard loops >= 1, loops <= 1024 else { throw ValidationError("--loops must be from 1 to 1024.") }
    guard !datagrams || (mode == .handler && loops == 1 && !fanOut) else {
      throw ValidationError("--datagrams needs --mode handler and one loop, and has no --fan-out.")
    }
    guard !fanOut || (mode == .handler && loops == 1) else {
      throw ValidationError("--fan-out needs --mode handler and one loop.")
    }
  }

  func run() throws {
    // Before any thread starts, so that all inherit it and only the wait below takes them.
    let signals = StopSignals()
    let totals = Totals()
    switch mode {
    case _ where datagrams: try DatagramServer(options: self, totals: totals).run(until: signals)
    case .handler: try HandlerServer(options: self, totals: totals).run(until: signals)
    case .async: try AsyncServer(options: self, totals: totals).run(until: signals)
    }
    say("summary: \(totals.description)")
  }

  func announce(_ address: SocketAddress?) {
    say("NIOEcho listening on \(host.contains(":") ? "[\(host)]" : host):\(address?.port ?? Int(port))")
  }

  /// Prints a line at once, also when the output is a file or a pipe.
  private func say(_ line: String) {
    print(line)
    fflush(nil)
  }
}
