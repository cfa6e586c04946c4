public import IOBuffers

/// Passing descriptors over Unix sockets: see `TCPConnection.send(_:passing:)`.
extension ConnectionContext {
  /// Queues the bytes of a view, and descriptors that go out with the first of them; these are closed when the kernel has passed them, or
  /// the connection has ended.
  ///
  /// - Parameters:
  ///   - view: at least one byte, unless there are no descriptors.
  ///   - descriptors: at most ``DescriptorList/maximumCount``.
  /// - Returns: false when it was refused, because the connection's output is over, this is no Unix socket, there are too many
  ///   descriptors or no bytes, 1024 descriptors wait already, or a file is being sent; the view is released and the descriptors are closed then.
  @discardableResult
  public func send(_ view: consuming ReadView, passing descriptors: consuming DescriptorList) -> Bool {
    let view = view.detach()
    let passed = descriptors.take()
    return withEngine { engine in
      switch engine.send(view, passing: passed, on: index) {
      case .success(.queued), .success(.aboveHighWater): true
      case .success(.refused), .failure: false
      }
    }
  }

  /// The descriptors that have come and were not taken, oldest first. They are the caller's from here on. What nobody takes is closed when the
  /// connection ends. None come unless the connection was made with ``SocketOptions/receivedDescriptors``.
  ///
  /// - Parameter count: how many at most; all unless told.
  public func takeDescriptors(_ count: Int = .max) -> DescriptorList {
    DescriptorList(adopting: withEngine { $0.takeDescriptors(id, count) })
  }
}
