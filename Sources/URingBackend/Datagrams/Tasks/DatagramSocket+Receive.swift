extension DatagramSocket {
  /// The next datagram; nil once the socket has been closed on this side. Suspends until there is one.
  ///
  /// - Throws: `SocketError`: on a connected socket what the network reported of an earlier datagram, such as ECONNREFUSED,
  ///   once, after which the socket goes on; `.cancelled` when the task is cancelled and nothing is there, which loses nothing;
  ///   `.busy` when another task waits already; `.shuttingDown` when the loop ends; the kernel's error when the socket is
  ///   of no use any more.
  public func receive() async throws(SocketError) -> Datagram? {
    if loop.isCurrent {
      // An outcome is used once: it becomes the result here.
      if let outcome = unsafe sink.receiveNow(place) { return try unsafe outcome.result() }
      // A server's own task: who cancels it closes the socket, so no cancellation handler has to be set up per call.
      if sink.ownTask == loop.runningTask, !Task.isCancelled {
        var isParked = false
        // Parked, and resumed by the sink; or resumed here, where another task was started in the own one's place.
        let outcome: DatagramOutcome? = unsafe await suspendForDatagram(&isParked)
        if let outcome = unsafe outcome { return try unsafe outcome.result() }
      }
    }
    let outcome = unsafe await receiveCancellable(timeout: nil)
    return try unsafe outcome.result()
  }

  private func suspendForDatagram(_ isParked: inout Bool) async -> DatagramOutcome? {
    let outcome: DatagramOutcome = unsafe await suspend { continuation in
      if unsafe TaskIdentity(continuation) == sink.ownTask {
        unsafe sink.park(continuation, nil)
        isParked = true
      } else {
        unsafe continuation.resume(returning: .end)
      }
    }
    return isParked ? unsafe outcome : nil
  }

  /// The same with a deadline: throws `.timedOut` when nothing has arrived after `timeout`. Nothing is lost by that; the next
  /// call goes on.
  ///
  /// - Throws: as `receive()` does, and `.timedOut`.
  public func receive(timeout: Duration) async throws(SocketError) -> Datagram? {
    let outcome = unsafe await receiveCancellable(timeout: timeout)
    return try unsafe outcome.result()
  }

  /// The way for all other tasks: parks on the loop, and listens to the task's cancellation.
  private func receiveCancellable(timeout: Duration?) async -> DatagramOutcome {
    let ticket = CancellationTicket()
    return unsafe await withTaskCancellationHandler {
      unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<DatagramOutcome, Never>) in
        loop.execute { unsafe self.park(continuation, ticket, timeout) }
      }
    } onCancel: {
      ticket.cancel()
      loop.execute { self.sink.giveUpReceive(ticket, SocketError(.cancelled, .receive, peer: self.peer)) }
    }
  }

  private func park(
    _ continuation: UnsafeContinuation<DatagramOutcome, Never>,
    _ ticket: CancellationTicket,
    _ timeout: Duration?
  ) {
    if let outcome = unsafe sink.receiveNow(place) {
      unsafe continuation.resume(returning: outcome)
    } else if ticket.isCancelled {
      unsafe continuation.resume(returning: .failed(SocketError(.cancelled, .receive, peer: peer)))
    } else {
      unsafe sink.park(continuation, ticket)
      guard let timeout else { return }
      let deadline = loop.clock.deadline(after: timeout)
      let error = SocketError(.timedOut, .receive, peer: peer)
      sink.setTimer(loop.timers.arm(deadline, .notice { [sink] in sink.giveUpReceive(ticket, error) }))
    }
  }
}
