public import IOBuffers

/// Sending several views at once, and sending with a time limit.
extension TCPConnection {
  /// Sends all bytes of a queue, straight from the memory that its views lock, in one piece: what other tasks send comes before
  /// or behind it. The completions release the views.
  ///
  /// Returns as soon as all of it is queued; it suspends only while more than the high-water mark is unsent.
  ///
  /// - Parameter queue: what to send; it is used up, whatever comes of it.
  /// - Throws: `SocketError` when the connection broke or its output is closed (nothing of the queue is sent), or `.cancelled`
  ///   when the task is cancelled while it waits: everything is queued by then and goes out.
  public func send(_ queue: consuming ByteQueue) async throws(SocketError) {
    try await send(queue, until: .max)
  }

  /// The same with a time limit for the peer, which may not read.
  ///
  /// - Parameters:
  ///   - queue: what to send; it is used up, whatever comes of it.
  ///   - timeout: how long to wait while more than the high-water mark is unsent.
  /// - Throws: as ``send(_:)-(ByteQueue)``, and `.timedOut`: everything is queued by then and goes out when the peer takes
  ///   it. Whoever does not want to wait any more ends the connection with `abort()`.
  public func send(_ queue: consuming ByteQueue, timeout: Duration) async throws(SocketError) {
    try await send(queue, until: loop.clock.deadline(after: timeout))
  }

  /// Sends the bytes of a view, with a time limit for the peer, which may not read.
  ///
  /// - Parameters:
  ///   - view: what to send.
  ///   - timeout: how long to wait while more than the high-water mark is unsent.
  /// - Throws: as ``send(_:timeout:)-(ByteQueue,_)``.
  public func send(_ view: consuming ReadView, timeout: Duration) async throws(SocketError) {
    try await send(ByteQueue(view), until: loop.clock.deadline(after: timeout))
  }

  /// - Parameter deadline: on the loop's clock; `.max`: none.
  func send(_ queue: consuming ByteQueue, until deadline: UInt64) async throws(SocketError) {
    let progress: SendProgress
    if loop.isCurrent {
      progress = enqueue(&queue)
    } else {
      let views = queue.detachAll()
      progress = await onLoop { _, _ in self.enqueue(views) }
    }
    switch progress {
    case .queued, .elsewhere: return
    case .refused: throw await onLoop { engine, id in self.refusal(engine, id) }
    case .aboveHighWater: try await run(until: deadline, .send) { () throws(SocketError) in try await waitForRoom() }
    }
  }

  /// On the loop. The views are the queue's that is made here, which the closure that brings them does once.
  func enqueue(_ views: [DetachedView]) -> SendProgress {
    var queue = ByteQueue()
    for view in views { queue.append(view) }
    return enqueue(&queue)
  }

  private func enqueue(_ queue: inout ByteQueue) -> SendProgress {
    guard let index = engine.find(id) else {
      queue.removeAll()
      return .refused
    }
    switch engine.send(&queue, on: index) {
    case .queued: return .queued
    case .refused: return .refused
    case .aboveHighWater: return .aboveHighWater
    }
  }
}

extension ByteQueue {
  /// All views, for a closure that brings them to a loop: whoever has them releases each once.
  mutating func detachAll() -> [DetachedView] {
    var views: [DetachedView] = []
    views.reserveCapacity(viewCount)
    while let view = popFirstDetached() { views.append(view) }
    return views
  }
}
