public import IOBuffers

extension TCPConnection {
  /// The next bytes of the stream, as a locked view of the memory that the kernel filled; nil once the peer has ended
  /// its stream.
  ///
  /// Suspends until something arrives. How the bytes are cut into views is the kernel's choice, as with recv(2).
  /// Release a view (or let it go) when you are done with it: the memory is reused then, and not before.
  ///
  /// - Throws: `SocketError`: the kernel's error when the connection broke (after everything that arrived before has
  ///   been taken); `.cancelled` when the task is cancelled, which loses nothing, the next call goes on; `.busy` when
  ///   another task waits already; `.idle`, `.shuttingDown` or `.closed` when this side ended the connection.
  public func receive() async throws(SocketError) -> ReadView? {
    if loop.isCurrent {
      guard let index = engine.find(id) else { throw SocketError(.closed, .receive, peer: peer) }
      if let ready = unsafe sink.receiveNow(index) { return try unsafe TCPConnection.result(ready) }
      if sink.states[index].ownTask == loop.runningTask {
        // The server's own task: whoever cancels it tells the engine too, so no handler has to be set up per call.
        var isParked = false
        let outcome: ReceiveOutcome = unsafe await suspend { continuation in
          isParked = unsafe TaskIdentity(continuation) == sink.states[index].ownTask
          if isParked {
            unsafe sink.states[index].setReceiver(continuation, nil)
          } else {
            // A task that the own one started in its place (`Task.immediate`).
            unsafe continuation.resume(returning: .end)
          }
        }
        if isParked { return try unsafe TCPConnection.result(outcome) }
      }
    }
    return try unsafe TCPConnection.result(await receiveCancellable())
  }

  @inline(__always)
  private static func result(_ outcome: ReceiveOutcome) throws(SocketError) -> ReadView? {
    switch unsafe outcome {
    case .view(let view): return ReadView(view)
    case .end: return nil
    case .failed(let error): throw error
    }
  }

  /// The same with a deadline: throws `.timedOut` when nothing has arrived after `timeout`. Nothing is lost by that; the
  /// next call goes on.
  ///
  /// - Throws: as `receive()` does, and `.timedOut`.
  public func receive(timeout: Duration) async throws(SocketError) -> ReadView? {
    try unsafe TCPConnection.result(await receiveCancellable(timeout: timeout))
  }

  /// The way for all other tasks: parks on the loop, and listens to the task's cancellation.
  private func receiveCancellable(timeout: Duration? = nil) async -> ReceiveOutcome {
    let ticket = CancellationTicket()
    return unsafe await withTaskCancellationHandler {
      unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<ReceiveOutcome, Never>) in
        loop.execute { unsafe self.park(continuation, ticket, timeout) }
      }
    } onCancel: {
      ticket.cancel()
      loop.execute { self.giveUpReceive(ticket, .cancelled) }
    }
  }

  private func park(
    _ continuation: UnsafeContinuation<ReceiveOutcome, Never>,
    _ ticket: CancellationTicket,
    _ timeout: Duration?
  ) {
    guard let index = engine.find(id) else {
      unsafe continuation.resume(returning: .failed(SocketError(.closed, .receive, peer: peer)))
      return
    }
    if ticket.isCancelled {
      unsafe continuation.resume(returning: .failed(SocketError(.cancelled, .receive, peer: peer)))
    } else if let ready = unsafe sink.receiveNow(index) {
      unsafe continuation.resume(returning: ready)
    } else {
      unsafe sink.states[index].setReceiver(continuation, ticket)
      if let timeout { armDeadline(ticket, index, timeout) }
    }
  }

  private func armDeadline(_ ticket: CancellationTicket, _ index: Int, _ timeout: Duration) {
    let deadline = LoopClock.deadline(after: timeout, from: LoopClock.now())
    sink.states[index].receiverTimer = loop.timers.arm(deadline, .notice { self.giveUpReceive(ticket, .timedOut) })
  }

  private func giveUpReceive(_ ticket: CancellationTicket, _ kind: SocketError.Kind) {
    guard let index = engine.find(id), let receiver = unsafe sink.takeReceiver(index, of: ticket) else { return }
    unsafe receiver.resume(returning: .failed(SocketError(kind, .receive, peer: peer)))
  }
}
