extension TCPConnection {
  /// Connects to a server.
  ///
  /// - Parameters:
  ///   - address: where to.
  ///   - loop: the loop that the connection lives on.
  ///   - timeout: how long the kernel may try.
  ///   - limits: the bounds of the connection.
  ///   - options: the options of its socket.
  /// - Returns: an open connection. It closes when `close()` is called, or when its last reference goes.
  /// - Throws: `SocketError` with the kernel's reason, `.timedOut`, `.cancelled` when the task is cancelled, or
  ///   `.shuttingDown`. In each case the kernel has given the attempt up and the descriptor is closed.
  public static func connect(
    to address: SocketAddress,
    on loop: EventLoop,
    timeout: Duration = .seconds(10),
    limits: ConnectionLimits = ConnectionLimits(),
    options: SocketOptions = SocketOptions()
  ) async throws(SocketError) -> TCPConnection {
    let ticket = ConnectTicket()
    let result = await withTaskCancellationHandler {
      unsafe await withUnsafeContinuation {
        (continuation: UnsafeContinuation<Result<TCPConnection, SocketError>, Never>) in
        loop.execute {
          ticket.start(on: loop, to: address, timeout: timeout, limits: limits, options: options) {
            unsafe continuation.resume(returning: $0)
          }
        }
      }
    } onCancel: {
      ticket.cancellation.cancel()
      loop.execute { ticket.cancel(on: loop) }
    }
    return try result.get()
  }
}

/// One call of `connect`, between its task and the loop.
private final class ConnectTicket: @unchecked Sendable {
  // Why unchecked: `key` belongs to the loop's thread.
  let cancellation = CancellationTicket()
  private var key: UInt32?

  func start(
    on loop: EventLoop,
    to address: SocketAddress,
    timeout: Duration,
    limits: ConnectionLimits,
    options: SocketOptions,
    completion: @escaping (Result<TCPConnection, SocketError>) -> Void
  ) {
    guard !cancellation.isCancelled else {
      completion(.failure(SocketError(.cancelled, .connect, peer: address)))
      return
    }
    guard let engine = loop.tcp else {
      completion(.failure(SocketError(.shuttingDown, .connect, peer: address)))
      return
    }
    let sink = engine.clientSink
    key = engine.connect(
      to: address,
      timeoutNanoseconds: LoopClock.deadline(after: timeout, from: 0),
      options: options,
      sink: sink,
      settings: ConnectionSettings(limits, outputPausesInput: false)
    ) { result in
      self.key = nil
      completion(result.map { sink.makeConnection($0) })
    }
  }

  func cancel(on loop: EventLoop) {
    if let key { loop.tcp?.cancelConnect(key) }
  }
}
