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
  @inlinable
  public func send(_ view: consuming ReadView) async throws(SocketError) {
    // Compiled into the caller, so that the usual case, in which nothing waits, needs no frame of its own.
    let detached = view.detach()
    let progress = sendNow(detached)
    if progress != .queued { try await finishSending(detached, progress) }
  }

  /// How far a send came without waiting.
  @usableFromInline
  enum SendProgress: UInt8, Sendable {
    case queued
    case refused
    /// Queued, and the caller has to wait for room.
    case aboveHighWater
    /// The caller is not on the loop: nothing has happened yet.
    case elsewhere
  }

  @usableFromInline
  func sendNow(_ view: DetachedView) -> SendProgress {
    loop.isCurrent ? queue(view) : .elsewhere
  }

  @inline(__always)
  private func queue(_ view: DetachedView) -> SendProgress {
    guard let index = engine.find(id) else {
      view.releaseReader()
      return .refused
    }
    switch engine.send(view, on: index) {
    case .queued: return .queued
    case .refused: return .refused
    case .aboveHighWater: return .aboveHighWater
    }
  }

  @usableFromInline
  func finishSending(_ view: DetachedView, _ progress: SendProgress) async throws(SocketError) {
    var progress = progress
    if progress == .elsewhere { progress = await onLoop { _, _ in self.queue(view) } }
    switch progress {
    case .queued, .elsewhere: return
    case .refused: throw await onLoop { engine, id in self.refusal(engine, id) }
    case .aboveHighWater: try await waitForRoom()
    }
  }

  func refusal(_ engine: StreamEngine, _ id: ConnectionID) -> SocketError {
    guard let index = engine.find(id) else { return SocketError(.closed, .send, peer: peer) }
    return engine.records[index].error(or: .closed, .send)
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

  func waitForRoom() async throws(SocketError) {
    if loop.isCurrent, let index = engine.find(id), sink.states[index].ownTask == loop.runningTask {
      // As in `receive`, the server's own task needs no cancellation handler, except against itself.
      if Task.isCancelled { throw SocketError(.cancelled, .send, peer: peer) }
      var isParked = false
      // Resumed here, or parked once in the state, which resumes whoever it lets go.
      let error: SocketError? = unsafe await suspend { continuation in
        isParked = unsafe TaskIdentity(continuation) == sink.states[index].ownTask
        if isParked {
          park(unsafe SendWaiter(continuation: continuation, ticket: nil))
        } else {
          unsafe continuation.resume(returning: nil)
        }
      }
      if let error { throw error }
      if isParked { return }
    }
    let ticket = CancellationTicket()
    let error = await withTaskCancellationHandler {
      // `park` keeps it in the state or resumes it; cancelling takes it out of there.
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
    } else if !engine.records[index].machine.flags.isDisjoint(with: [.outputFailed, .aborting, .closed]) {
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
