import ArgumentParser
import GRPCCore
import GRPCEcho
import GRPCNIOTransportHTTP2Posix
import NIOCore
import Serving
import SluiceNIO
import UnixSignals

/// gRPC's own server, with its own transport, on a listening channel of this package's.
@main
struct RingGRPC: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "A gRPC server that echoes bytes, on the ring or on SwiftNIO's own loops.",
    discussion: "The methods are sluice.Echo/Say (unary) and sluice.Echo/Chat (streams both ways)."
  )

  @OptionGroup var options: ServingOptions

  func run() async throws {
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    let group = try options.makeGroup()
    do {
      try await serve(on: group, until: signals)
      say("stopped")
    } catch {
      try await group.shutdownGracefully()
      throw error
    }
    try await group.shutdownGracefully()
  }

  /// The transport ends here, while there are still loops for what it does then.
  private func serve(on group: any EventLoopGroup, until signals: UnixSignalsSequence) async throws {
    let listener = Listener(eventLoopGroup: group, options: options)
    let server = GRPCServer(
      transport: HTTP2ServerTransport.Custom(listenerFactory: listener),
      services: [EchoService()]
    )
    // The tasks of calls run where their task group was made to run: on the ring with the only loop. Of several loops nobody
    // can say which is a call's, so that then they run on the threads of Swift's pool.
    let loop = (group as? RingEventLoopGroup).flatMap { $0.loops.count == 1 ? $0.loops.first : nil }
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask(executorPreference: loop?.sluice) { try await server.serve() }
      tasks.addTask {
        for await _ in signals { break }
        server.beginGracefulShutdown()
      }
      try await tasks.waitForAll()
    }
  }
}

/// All that the transport has to know of the ring.
struct Listener: HTTP2ServerTransport.ListenerFactory {
  let eventLoopGroup: any EventLoopGroup
  let options: ServingOptions

  func makeListeningChannel(
    listenerConfigurator: HTTP2ServerTransport.ListenerConfigurator,
    connectionConfigurator: HTTP2ServerTransport.ConnectionConfigurator
  ) async throws -> NIOAsyncChannel<HTTP2ServerTransport.ConnectionConfigurator.ConnectionChannel, Never> {
    let listener = try await options.listen(
      on: eventLoopGroup,
      listener: { listenerConfigurator.configure(channel: $0) },
      connections: { connectionConfigurator.configure(channel: $0, tls: .none) }
    )
    options.announce("RingGRPC", listener.channel)
    return listener
  }
}
