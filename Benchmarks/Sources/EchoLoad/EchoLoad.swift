import ArgumentParser
import Glibc

/// Loads a TCP echo server and measures what comes back, on this package's own client side.
@main
struct EchoLoad: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "EchoLoad",
    abstract: "A load generator for TCP echo servers.",
    discussion: """
      MODES
        pingpong  Each connection sends a message, and the next one when it
                  has come back (closed loop). With --rate, messages go out by
                  the clock, whatever comes back (open loop): latency counts
                  from when they were meant to go out, so a server that stalls
                  cannot hide it.
        bulk      The same with large messages, many in flight: a stream in
                  both directions.
        churn     Connect, echo one message, close, and again. The latency is
                  that of the whole cycle.
        idle      Open all connections, hold them, then probe each with one
                  message, one after the other.
        fanout    For a server that sends each message to all of its
                  connections: the first connection publishes, and a round is
                  over when all have it. Every delivery counts.

      EXAMPLES
        50 connections, 64 bytes, 10 seconds:
          EchoLoad --port 7007
        16 in flight on each of 500, every byte compared:
          EchoLoad --port 7007 --connections 500 --depth 16 --verify
        Open loop; read p99.9:
          EchoLoad --port 7007 --rate 20000 --duration 30
        Megabytes a second:
          EchoLoad --port 7007 --mode bulk --connections 8
        Connections a second, as JSON:
          EchoLoad --port 7007 --mode churn --messages 20000 --json
        The same for longer, without running out of local ports; the server
        listens on 0.0.0.0:
          EchoLoad --port 7007 --mode churn --addresses 8 --duration 30
        What idle connections cost (look at the server meanwhile):
          EchoLoad --port 7007 --mode idle --connections 10000 --duration 5

      Latencies are in microseconds. The exit code is 0 when all messages came
      back and there was no error. Where the load's own core was busy all the
      time, a warning says that the figures may be the load's and not the
      server's.
      """
  )

  @OptionGroup var options: Options

  func run() async throws {
    let report = try await LoadRun(options: options).run()
    print(options.json ? report.json : report.table, terminator: "")
    fflush(nil)
    if let error = report.firstError {
      complain("error: \(error)")
      throw ExitCode.failure
    }
  }
}

/// Writes a line to standard error.
func complain(_ line: String) {
  let bytes = Array((line + "\n").utf8)
  _ = unsafe bytes.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
