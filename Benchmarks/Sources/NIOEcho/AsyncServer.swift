import Glibc
import NIOCore
import NIOPosix

/// The server of the async mode: NIOAsyncChannel, a task for each connection.
///
/// What matters of its settings is where tasks run. With 64 bytes on 50 connections, one core for the server, the event loops
/// as executor took 0.96 of the CPU of the concurrency pool, with 1 MiB on 8 connections 0.79. The watermarks of unread
/// messages (2 and 10, against 50 and 100) made no difference outside the spread.
struct AsyncServer {
  typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

  let options: NIOEcho
  let totals: Totals

  /// Serves until a signal comes, then closes everything.
  func run(until signals: StopSignals) throws {
    // Whether tasks run there too: only NIO's own group can become the global executor.
    NIOSingletons.groupLoopCountSuggestion = options.loops
    if options.executor == .loop,
      !NIOSingletons.unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor()
    {
      throw ExecutorUnavailable()
    }
    let group = MultiThreadedEventLoopGroup.singleton
    let ended = group.next().makePromise(of: Void.self)
    let server = self
    let serving = Task {
      do {
        try await server.serve(on: group)
        ended.succeed()
      } catch is CancellationError {
        ended.succeed()
      } catch {
        ended.fail(error)
      }
    }
    // A server that cannot listen must not wait for a signal.
    ended.futureResult.whenFailure { _ in kill(getpid(), SIGTERM) }
    signals.wait()
    serving.cancel()
    try ended.futureResult.wait()
  }

  private func serve(on group: MultiThreadedEventLoopGroup) async throws {
    let configuration = Connection.Configuration(
      backPressureStrategy: .init(
        lowWatermark: options.tuning.lowMessages,
        highWatermark: options.tuning.highMessages
      ),
      isOutboundHalfClosureEnabled: false
    )
    let listener = try await options.bootstrap(group).bind(host: options.host, port: Int(options.port)) { channel in
      channel.eventLoop.makeCompletedFuture {
        try Connection(wrappingChannelSynchronously: channel, configuration: configuration)
      }
    }
    options.announce(listener.channel.localAddress)
    try await withThrowingDiscardingTaskGroup { connections in
      try await listener.executeThenClose { accepted in
        for try await connection in accepted {
          connections.addTask { await echo(connection) }
        }
      }
    }
  }

  private func echo(_ connection: Connection) async {
    var messages = 0
    var bytes = 0
    do {
      try await connection.executeThenClose { inbound, outbound in
        for try await message in inbound {
          messages += 1
          bytes += message.readableBytes
          try await outbound.write(message)
        }
        // What was written may still be unsent, and closing would drop it. An empty write is done when all before it are.
        try await connection.channel.writeAndFlush(ByteBuffer())
      }
    } catch {
      // The peer went away, or the server stops: nothing to tell anybody.
    }
    totals.add(messages: messages, bytes: bytes)
  }
}

/// The tasks cannot be made to run on the event loops.
struct ExecutorUnavailable: Error, CustomStringConvertible {
  var description: String { "this Swift cannot run tasks on NIO's event loops: leave out --executor loop" }
}
