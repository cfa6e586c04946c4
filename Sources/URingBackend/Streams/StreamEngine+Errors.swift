internal import IOBuffers
internal import Logging

extension StreamEngine {
  /// Remembers why a connection broke or was given up; the first reason counts.
  func fail(_ index: Int, _ kind: SocketError.Kind, _ operation: SocketError.Operation) {
    guard records[index].failure == nil else { return }
    records[index].failure = kind
    records[index].failedOperation = operation
  }

  /// Reports what user code threw. An error that only says how its own connection ended is none of the user's: peers come
  /// and go.
  ///
  /// - Parameter isCancelled: whether what threw is a task that was cancelled, which may know it before the connection does.
  func report(
    _ error: any Error,
    of index: Int,
    to onError: (@Sendable (any Error, SocketAddress?) -> Void)?,
    isCancelled: Bool = false
  ) {
    let peer = records[index].peer
    let metadata: Logger.Metadata = ["peer": "\(peer.map(\.description) ?? "?")", "error": "\(error)"]
    if isOrdinaryEnd(error, of: index, isCancelled: isCancelled) {
      loop.logger?.debug("a connection ended before what serves it was done", metadata: metadata)
      return
    }
    counters.handlerErrors.bump()
    loop.logger?.error("what serves a connection threw; the connection is given up", metadata: metadata)
    if !planted(.swallowsErrors) { onError?(error, peer) }
  }

  private func isOrdinaryEnd(_ error: any Error, of index: Int, isCancelled: Bool) -> Bool {
    let isOver = isCancelled || isOver(index)
    return switch error {
    case let error as SocketError:
      error.peer == records[index].peer && error.kind != .busy
        && ([.receive, .send, .close].contains(error.operation) || error.operation == .allocate && isOver)
    case let error as FileSendError:
      error.socketError.map { isOrdinaryEnd($0, of: index, isCancelled: isCancelled) }
        ?? (error.isCancellation && isOver)
    case ReadError.connection(let error): isOrdinaryEnd(error, of: index, isCancelled: isCancelled)
    // Peers go in the middle of a message, too.
    case ReadError.endedInTheMiddle, FrameError.endedInTheMiddle: records[index].machine.flags.contains(.inputEnded)
    // What waited for something else was cancelled because the connection, or the server, came to its end.
    case is CancellationError, BufferError.cancelled as BufferError: isOver
    default: false
    }
  }

  private func isOver(_ index: Int) -> Bool {
    records[index].failure != nil || records[index].machine.flags.contains(.closing)
  }
}
