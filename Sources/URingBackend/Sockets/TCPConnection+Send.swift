public import IOBuffers
internal import SystemPackage

extension TCPConnection {
  /// Sends the bytes of a view, straight from the memory that it locks. The completion releases the view.
  ///
  /// Returns as soon as the view is queued; it suspends only while more than the high-water mark is unsent, until what
  /// is unsent falls to the low-water mark. Bytes go out in the order of the calls.
  ///
  /// - Throws: `SocketError` when the connection broke or its output is closed (the view is released, nothing of it is
  ///   sent), or `.cancelled` when the task is cancelled while it waits: the view is queued by then and goes out.
  public func send(_ view: consuming ReadView) async throws(SocketError) {
    let detached = view.detach()
    if loop.isCurrent {
      guard let index = engine.find(id) else {
        detached.releaseReader()
        throw SocketError(.closed, .send, peer: peer)
      }
      switch engine.send(detached, on: index) {
      case .queued: return
      case .refused: throw engine.records[index].error(or: .closed, .send)
      case .aboveHighWater: break
      }
      if sink.states[index].ownTask == loop.runningTask {
        var isParked = false
        let error: SocketError? = unsafe await suspend { continuation in
          isParked = unsafe TaskIdentity(continuation) == sink.states[index].ownTask
          if isParked {
            sink.states[index].addSender(unsafe SendWaiter(continuation: continuation, ticket: nil))
          } else {
            unsafe continuation.resume(returning: nil)
          }
        }
        if let error { throw error }
        if isParked { return }
      }
      try await waitForRoom()
    } else {
      let error = await onLoop { engine, id -> (SocketError?, Bool) in
        guard let index = engine.find(id) else {
          detached.releaseReader()
          return (SocketError(.closed, .send, peer: self.peer), false)
        }
        switch engine.send(detached, on: index) {
        case .queued: return (nil, false)
        case .refused: return (engine.records[index].error(or: .closed, .send), false)
        case .aboveHighWater: return (nil, true)
        }
      }
      if let error = error.0 { throw error }
      if error.1 { try await waitForRoom() }
    }
  }

  /// Sends what a buffer holds. The buffer is consumed: nobody can write to it while the kernel reads.
  ///
  /// - Throws: as `send(_:)` with a view does.
  public func send(_ buffer: consuming PooledBuffer) async throws(SocketError) {
    let view: ReadView
    do throws(BufferError) {
      view = try buffer.finish()
    } catch {
      throw SocketError(.system(.resourceBusy), .send, peer: peer)
    }
    try await send(view)
  }

  private func waitForRoom() async throws(SocketError) {
    let ticket = CancellationTicket()
    let error = await withTaskCancellationHandler {
      unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<SocketError?, Never>) in
        loop.execute { self.park(unsafe SendWaiter(continuation: continuation, ticket: ticket)) }
      }
    } onCancel: {
      ticket.cancel()
      loop.execute { self.cancelSend(ticket) }
    }
    if let error { throw error }
  }

  private func park(_ waiter: SendWaiter) {
    guard let index = engine.find(id) else {
      waiter.resume(SocketError(.closed, .send, peer: peer))
      return
    }
    if waiter.ticket?.isCancelled == true {
      waiter.resume(SocketError(.cancelled, .send, peer: peer))
    } else if !engine.records[index].machine.isAboveHighWater {
      waiter.resume(nil)
    } else if !engine.records[index].machine.flags.isDisjoint(with: [.outputFailed, .aborting]) {
      waiter.resume(engine.records[index].error(or: .closed, .send))
    } else {
      sink.states[index].addSender(waiter)
    }
  }

  private func cancelSend(_ ticket: CancellationTicket) {
    guard let index = engine.find(id), let waiter = sink.states[index].takeSender(of: ticket) else { return }
    waiter.resume(SocketError(.cancelled, .send, peer: peer))
  }
}
