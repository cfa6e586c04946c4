public import IOBuffers
internal import SystemPackage

/// Passing descriptors over Unix sockets: SCM_RIGHTS, unix(7).
///
/// ```swift
/// var options = SocketOptions()
/// options.receivedDescriptors = 8
/// let connection = try await TCPConnection.connect(to: .unix(path: "/run/broker.sock"), on: loop, options: options)
/// try await connection.send("open /var/log/app.log\n")
/// if let line = try await connection.receive(), line.starts(with: "ok") {
///   var descriptors = await connection.takeDescriptors()
///   if let file = descriptors.popFirst() { … }
/// }
/// ```
///
/// Descriptors pass beside the bytes of the stream, in their order. Those that were sent with a byte are there when that byte has been
/// received; how many belong to a message the message has to say. A server receives them with the same option in its
/// `TCPServer.Configuration.options`.
extension TCPConnection {
  /// Sends the bytes of a view, and descriptors with the first of them. The other side gets descriptors of its own for the same files;
  /// these are closed when the kernel has passed them, or the connection has ended. Descriptors that are to stay open are duplicated
  /// first.
  ///
  /// - Parameters:
  ///   - view: at least one byte, unless there are no descriptors.
  ///   - descriptors: at most ``DescriptorList/maximumCount``.
  /// - Throws: as `send(_:)` does; also `.system(.notSupportedOnSocket)` when this is no Unix socket, `.system(.invalidArgument)` for
  ///   too many descriptors or no bytes, `.system(.tooManyReferences)` when 1024 descriptors wait to be sent already, and `.system(.resourceBusy)` while a file is being sent: then
  ///   nothing is sent, and the descriptors are closed.
  ///
  ///   What the kernel refuses breaks the connection, because its stream would have a hole: an io_uring's descriptor (EINVAL), or more than the
  ///   user may have on their way (ETOOMANYREFS).
  public func send(
    _ view: consuming ReadView,
    passing descriptors: consuming DescriptorList
  ) async throws(SocketError) {
    let view = view.detach()
    let passed = descriptors.take()
    let result: Result<SendProgress, Errno> = await onLoop { engine, id in
      guard let index = engine.find(id) else {
        view.releaseReader()
        _ = DescriptorList(adopting: passed)
        return .success(.refused)
      }
      return engine.send(view, passing: passed, on: index).map { outcome in
        switch outcome {
        case .queued: .queued
        case .aboveHighWater: .aboveHighWater
        case .refused: .refused
        }
      }
    }
    switch result {
    case .success(.queued), .success(.elsewhere): return
    case .success(.aboveHighWater): try await waitForRoom()
    case .success(.refused): throw await onLoop { engine, id in self.refusal(engine, id) }
    case .failure(let errno): throw SocketError(.system(errno), .send, peer: peer)
    }
  }

  /// The descriptors that have come and were not taken, oldest first. They are the caller's from here on. What nobody takes is closed when the
  /// connection ends.
  ///
  /// None come unless the connection was made with ``SocketOptions/receivedDescriptors``. Any task; one that is not on the loop
  /// hops there and back.
  ///
  /// - Parameter count: how many at most; all unless told.
  /// - Returns: the descriptors, close-on-exec each. Empty if there are none.
  public func takeDescriptors(_ count: Int = .max) async -> DescriptorList {
    DescriptorList(adopting: await onLoop { engine, id in engine.takeDescriptors(id, count) })
  }
}
