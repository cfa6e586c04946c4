import ArgumentParser
import NIOCore
import Serving

/// Sends back what it receives: with a channel handler, or with a task for each connection.
@main
struct RingEcho: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "A TCP echo server of SwiftNIO, on the ring or on SwiftNIO's own loops."
  )

  @OptionGroup var options: ServingOptions

  @Flag(help: "A task for each connection (NIOAsyncChannel) instead of a channel handler.")
  var async = false

  func run() async throws {
    guard !async else {
      let tasks = EchoTasks(options: options)
      return try await options.serve("RingEcho", tasks: tasks.serve)
    }
    try await options.serve("RingEcho", halfClosure: true) { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(EchoHandler())
      }
    }
  }
}
