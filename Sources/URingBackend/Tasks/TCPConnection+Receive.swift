public import IOBuffers

extension TCPConnection {
  /// The next bytes of the stream, as a locked view of the memory that the kernel filled; nil once the peer has ended
  /// its stream.
  ///
  /// Suspends until something arrives. How the bytes are cut into views is the kernel's choice, as with recv(2).
  /// Release a view (or let it go) when you are done with it: the memory is reused then, and not before.
  ///
  /// - Throws: `SocketError`: the kernel's error when the connection broke (after everything that arrived before has
  ///   been taken); `.cancelled` when the task is cancelled and nothing is there, which loses nothing, the next call goes on;
  ///   `.busy` when another task waits already; `.idle`, `.shuttingDown`, `.holdsMemory` or `.closed` when this side ended
  ///   the connection.
  @inlinable
  public func receive() async throws(SocketError) -> ReadView? {
    // Compiled into the caller, so that the usual suspension needs no frame of its own.
    // An outcome is used once: it becomes the result here. Whoever parks a continuation resumes it (`AsyncSink`).
    var outcome = unsafe receiveNow()
    if unsafe outcome.isPending { unsafe outcome = await suspend { unsafe park($0) } }
    if unsafe outcome.isElsewhere { unsafe outcome = await receiveCancellable() }
    return try unsafe outcome.result()
  }

  /// What `receive` can return without waiting, or how it has to wait.
  @usableFromInline
  func receiveNow() -> ReceiveOutcome {
    guard loop.isCurrent else { return unsafe .elsewhere }
    guard let index = engine.find(id) else { return unsafe .failed(SocketError(.closed, .receive, peer: peer)) }
    let state = sink.states.place(index)
    guard state.record.hasNothingForReceivers else { return unsafe sink.receiveNow(index) }
    // The server's own task: whoever else cancels it tells the engine too, so no handler has to be set up per call.
    guard state.record.ownTask == loop.runningTask else { return unsafe .elsewhere }
    return unsafe Task.isCancelled ? .failed(SocketError(.cancelled, .receive, peer: peer)) : .pending
  }

  /// Parks the connection's own task, right after `receiveNow` has said that it is the one.
  @usableFromInline
  func park(_ continuation: UnsafeContinuation<ReceiveOutcome, Never>, endsOnStop: Bool = false) {
    // Nothing has moved since `receiveNow`, so the connection is there.
    let state = sink.states.place(Int(id.index))
    if unsafe TaskIdentity(continuation) == state.record.ownTask {
      unsafe state.record.receiver = continuation
      state.record.receiverEndsOnStop = endsOnStop
    } else {
      // A task that the own one started in its place (`Task.immediate`).
      unsafe continuation.resume(returning: .elsewhere)
    }
  }

  /// The same with a deadline: throws `.timedOut` when nothing has arrived after `timeout`. Nothing is lost by that; the
  /// next call goes on.
  ///
  /// - Throws: as `receive()` does, and `.timedOut`.
  public func receive(timeout: Duration) async throws(SocketError) -> ReadView? {
    let outcome = unsafe await receiveCancellable(timeout: timeout)
    return try unsafe outcome.result()
  }

  /// The way for all other tasks: parks on the loop, and listens to the task's cancellation.
  @usableFromInline
  func receiveCancellable(timeout: Duration? = nil, endsOnStop: Bool = false) async -> ReceiveOutcome {
    let ticket = CancellationTicket()
    return unsafe await withTaskCancellationHandler {
      unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<ReceiveOutcome, Never>) in
        loop.execute { unsafe self.park(continuation, ticket, timeout, endsOnStop) }
      }
    } onCancel: {
      ticket.cancel()
      loop.execute { self.giveUpReceive(ticket, .cancelled) }
    }
  }

  private func park(
    _ continuation: UnsafeContinuation<ReceiveOutcome, Never>,
    _ ticket: CancellationTicket,
    _ timeout: Duration?,
    _ endsOnStop: Bool
  ) {
    guard let index = engine.find(id) else {
      unsafe continuation.resume(returning: .failed(SocketError(.closed, .receive, peer: peer)))
      return
    }
    if ticket.isCancelled {
      unsafe continuation.resume(returning: .failed(SocketError(.cancelled, .receive, peer: peer)))
    } else if !sink.states[index].hasNothingForReceivers {
      unsafe continuation.resume(returning: sink.receiveNow(index))
    } else if endsOnStop, sink.states[index].isStopping {
      unsafe continuation.resume(returning: .end)
    } else {
      sink.states[index].receiverEndsOnStop = endsOnStop
      unsafe sink.states[index].setReceiver(continuation, ticket)
      if let timeout { armDeadline(ticket, index, timeout) }
    }
  }

  private func armDeadline(_ ticket: CancellationTicket, _ index: Int, _ timeout: Duration) {
    let deadline = loop.clock.deadline(after: timeout)
    sink.states[index].receiverTimer = loop.timers.arm(deadline, .notice { self.giveUpReceive(ticket, .timedOut) })
  }

  private func giveUpReceive(_ ticket: CancellationTicket, _ kind: SocketError.Kind) {
    guard let index = engine.find(id), let receiver = unsafe sink.takeReceiver(index, of: ticket) else { return }
    unsafe receiver.resume(returning: .failed(SocketError(kind, .receive, peer: peer)))
  }
}
