public import IOBuffers

/// Sending to peers that may be slow, without waiting for them: for whoever sends to many.
extension TCPConnection {
  /// Sends the bytes of a view, unless the peer takes too slowly what was sent before. Never waits for the peer; a task that
  /// is not on the loop hops there and back.
  ///
  /// ```swift
  /// for member in members where await !member.trySend(try message.view()) { await member.abort() }
  /// ```
  ///
  /// - Parameter view: what to send. It is used up, whatever comes of it: share it before if it is still needed.
  /// - Returns: false, and nothing of it is sent, while more than the high-water mark is unsent, and when the connection
  ///   broke or its output is closed.
  public func trySend(_ view: consuming ReadView) async -> Bool {
    let view = view.detach()
    return await onLoop { _, _ in self.tryEnqueue([view]) }
  }

  /// The same for all views of a queue.
  ///
  /// - Parameter queue: what to send. It is used up, whatever comes of it.
  /// - Returns: as ``trySend(_:)-(ReadView)``.
  public func trySend(_ queue: consuming ByteQueue) async -> Bool {
    let views = queue.detachAll()
    return await onLoop { _, _ in self.tryEnqueue(views) }
  }

  /// Bytes that are queued and that the kernel has not yet reported as sent; zero once the connection is gone. Any task; one
  /// that is not on the loop hops there and back.
  public var unsentBytes: Int {
    get async {
      await onLoop { engine, id in engine.find(id).map { engine.records[$0].machine.unsent } ?? 0 }
    }
  }

  private func tryEnqueue(_ views: [DetachedView]) -> Bool {
    guard let index = engine.find(id), !engine.records[index].machine.isAboveHighWater else {
      // Nobody else has them.
      for view in views { view.releaseReader() }
      return false
    }
    return enqueue(views) != .refused
  }
}
