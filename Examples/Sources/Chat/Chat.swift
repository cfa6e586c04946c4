import ArgumentParser
import Serving
import Sluice

/// A room in which everybody hears what everybody says.
@main
struct Chat: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "A chat by lines: what one says is sent to all others, whichever loop they are on, and copied for none.",
    discussion: """
      The first line of each member is its name. Nobody waits for who is slow: a member that does not take what is said, \
      until more than --unsent bytes wait for it, has its connection reset, and the others are told.

      Try it: start `Chat --port 7009 --loops 2`, then `nc 127.0.0.1 7009` in several terminals.
      """
  )

  @OptionGroup var options: ServerOptions
  @OptionGroup var loops: LoopOptions

  @Option(help: .port)
  var port: UInt16 = 7009

  @Option(
    help: ArgumentHelp("How much may wait for a member before it is given up, at least 262144.", valueName: "bytes")
  )
  var unsent = 1 << 20

  func validate() throws {
    guard unsent >= 256 << 10 else { throw ValidationError("--unsent must be at least 262144.") }
  }

  func run() async throws {
    let logger = options.logger("chat")
    var configuration = options.configuration
    configuration.loops = loops.count
    configuration.limits.highWaterBytes = unsent
    // What one member says in one turn of its loop must be little beside that: it is queued before anything of it is sent.
    configuration.limits.unreadBytes = 16 << 10
    // People may be silent for long.
    configuration.limits.idleTimeout = nil
    configuration.options.keepAlive = true
    let server = TCPServer(address: try options.address(port), configuration: configuration, logger: logger)
    let room = Broadcast(slowMembers: .abort)
    try await serve(server, logger: logger) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        try await Member.serve(connection, in: room)
      }
    }
    say("messages not sent to slow members: \(room.missed)")
  }
}
