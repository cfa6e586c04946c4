import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOExtras
import ServiceLifecycle
import SluiceNIO

/// Listens on the ring for an application, and gives each connection a task.
struct RingServer<Responder: HTTPResponder>: Service
where Responder.Context: InitializableFromSource<ApplicationRequestContextSource> {
  let application: SluiceApplication<Responder>
  let responder: HTTPChannelHandler.Responder

  func run() async throws {
    for process in application.processesRunBeforeServerStart { try await process() }
    try await serve(application.makeChildChannel(responder))
  }

  /// Opens the existential, so that the sequence of connections has a type.
  private func serve<Child: ServerChildChannel>(_ child: Child) async throws {
    let quiescing = ServerQuiescingHelper(group: application.group)
    let listener: NIOAsyncChannel<Child.Value, Never>
    do {
      listener = try await listen(child, quiescing)
    } catch {
      // It wants to be used.
      quiescing.initiateShutdown(promise: nil)
      throw error
    }
    await withGracefulShutdownHandler {
      await application.onServerRunning(listener.channel)
      await accept(listener, child)
    } onGracefulShutdown: {
      quiescing.initiateShutdown(promise: nil)
    }
  }

  private func accept<Child: ServerChildChannel>(_ listener: NIOAsyncChannel<Child.Value, Never>, _ child: Child) async
  {
    let logger = application.logger
    await withDiscardingTaskGroup { tasks in
      do {
        try await listener.executeThenClose { connections in
          for try await connection in connections {
            let loop = application.tasksRunOnLoops ? connection.channel.eventLoop as? RingEventLoop : nil
            tasks.addTask(executorPreference: loop?.sluice) { await child.handle(value: connection, logger: logger) }
          }
        }
      } catch {
        logger.error("Waiting on child channel: \(error)")
      }
    }
  }

  private func listen<Child: ServerChildChannel>(
    _ child: Child,
    _ quiescing: ServerQuiescingHelper
  ) async throws -> NIOAsyncChannel<Child.Value, Never> {
    let configuration = application.configuration
    let logger = application.logger
    let bootstrap = RingServerBootstrap(group: application.group)
      .serverChannelOption(.backlog, value: Int32(clamping: configuration.backlog))
      .serverChannelOption(.socketOption(.so_reuseaddr), value: configuration.reuseAddress ? 1 : 0)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let limit = configuration.availableConnectionsDelegate {
            try channel.pipeline.syncOperations.addHandler(handler(limit))
          }
          try channel.pipeline.syncOperations.addHandler(quiescing.makeServerChannelHandler(channel: channel))
        }
      }
    let setup: @Sendable (any Channel) -> EventLoopFuture<Child.Value> = { child.setup(channel: $0, logger: logger) }
    return switch application.address {
    case .hostname(let host, let port):
      try await bootstrap.bind(host: host, port: port, childChannelInitializer: setup)
    case .unixDomainSocket(let path):
      try await bootstrap.bind(
        unixDomainSocketPath: path,
        cleanupExistingSocketFile: true,
        childChannelInitializer: setup
      )
    }
  }

  /// Accepts no more while there are enough.
  private func handler(_ limit: some AvailableConnectionsDelegate) -> any ChannelHandler {
    AvailableConnectionsChannelHandler(delegate: limit)
  }
}
