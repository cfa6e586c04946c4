import Glibc
public import NIOCore
import NIOExtras
import UnixSignals

extension ServingOptions {
  /// Serves with channel handlers until SIGTERM or SIGINT; then accepts no more, asks the open connections to finish
  /// (`ChannelShouldQuiesceEvent`), and waits for them.
  ///
  /// - Parameters:
  ///   - name: of the server, for the line that says where it listens.
  ///   - halfClosure: whether handlers want to know when a peer ends its side; otherwise the connection is closed then.
  ///   - child: prepares each connection, on its loop.
  /// - Throws: what kept it from listening.
  public func serve(
    _ name: String,
    halfClosure: Bool = false,
    child: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
  ) async throws {
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    let group = try makeGroup()
    do {
      try await serve(name, on: group, until: signals, halfClosure, child)
    } catch {
      try await group.shutdownGracefully()
      throw error
    }
    // Closes what is still open.
    try await group.shutdownGracefully()
  }

  /// The helper ends here, while there are still loops for what it does then.
  private func serve(
    _ name: String,
    on group: any EventLoopGroup,
    until signals: UnixSignalsSequence,
    _ halfClosure: Bool,
    _ child: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
  ) async throws {
    let quiescing = ServerQuiescingHelper(group: group)
    let channel = try await listen(
      on: group,
      halfClosure: halfClosure,
      listener: { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(quiescing.makeServerChannelHandler(channel: channel))
        }
      },
      child: child
    )
    announce(name, channel)
    for await _ in signals { break }
    let quiet = group.any().makePromise(of: Void.self)
    let limit = Task {
      try await Task.sleep(for: .seconds(drainTimeout))
      quiet.fail(DrainTimeout())
    }
    quiescing.initiateShutdown(promise: quiet)
    do {
      try await quiet.futureResult.get()
      say("stopped")
    } catch {
      say("stopped: \(error)")
    }
    limit.cancel()
  }

  /// Serves with tasks until SIGTERM or SIGINT; then cancels them, which closes the connections.
  ///
  /// - Parameters:
  ///   - name: of the server, for the line that says where it listens.
  ///   - body: listens on the group, and serves until it is cancelled.
  /// - Throws: what `body` throws before there is a signal.
  public func serve(
    _ name: String,
    tasks body: @escaping @Sendable (any EventLoopGroup) async throws -> Void
  ) async throws {
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    let group = try makeGroup()
    do {
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await body(group) }
        tasks.addTask { for await _ in signals { break } }
        try await tasks.next()
        tasks.cancelAll()
        while let result = await tasks.nextResult() {
          if case .failure(let error) = result, !(error is CancellationError) { throw error }
        }
      }
      say("stopped")
    } catch {
      try await group.shutdownGracefully()
      throw error
    }
    try await group.shutdownGracefully()
  }

  /// Says where a channel listens.
  public func announce(_ name: String, _ channel: any Channel) {
    say("\(name) listening on \(host.contains(":") ? "[\(host)]" : host):\(channel.localAddress?.port ?? Int(port))")
  }
}

/// Connections were still open when the time was up.
struct DrainTimeout: Error, CustomStringConvertible {
  var description: String { "connections were still open after the time to finish, and have been closed" }
}

/// Prints a line at once, also when the output is a file or a pipe.
public func say(_ line: String) {
  print(line)
  fflush(nil)
}
