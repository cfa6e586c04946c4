/// The tasks of a server: one for each loop below the task that called `run`, and below those one for each connection.
extension TCPServer {
  /// Serves within a group of tasks that start those of connections, one on each loop: so these are children of the calling
  /// task. Returns when all of them have ended, and everything that was served is over.
  ///
  /// When the calling task is cancelled, so are they, at once, and whatever they are waiting for on their connections must end
  /// as well: the server is aborted.
  func withTasks(
    on loops: [EventLoop],
    isHandled: Bool,
    _ serve: nonisolated(nonsending) ([LoopService]) async throws(SocketError) -> Summary
  ) async throws(SocketError) -> Summary {
    let services = loops.map { LoopService($0) }
    let outcome = await withTaskCancellationHandler {
      await withDiscardingTaskGroup { group -> Result<Summary, SocketError> in
        if !isHandled {
          for service in services {
            group.addTask(executorPreference: service.loop) { await service.runTasks() }
          }
        }
        let outcome: Result<Summary, SocketError>
        do throws(SocketError) {
          outcome = .success(try await serve(services))
        } catch {
          outcome = .failure(error)
        }
        for service in services { service.endTasks() }
        return outcome
      }
    } onCancel: {
      abort()
    }
    return try outcome.get()
  }
}
