internal import IOBuffers

/// Passing bytes from one connection to another one, without a copy.
extension TCPConnection {
  /// Sends everything that comes from here to another connection, and ends its output when this one's input ends.
  ///
  /// While more than the high-water mark is unsent there, nothing is taken here, and the peer here is slowed. What waits there
  /// is charged to this connection while slots are scarce.
  ///
  /// - Parameter other: where to; it may live on another loop, which costs a hop there and back for each piece.
  /// - Returns: how many bytes were passed on.
  /// - Throws: `SocketError` of either connection; its `peer` tells which. Both are then as they are, and it is for the caller
  ///   to `abort()` the other one, so that its peer does not take a cut stream for a whole one; ``join(_:_:)`` does it.
  ///   `.cancelled` loses nothing that was received and not taken.
  @discardableResult
  public func pipe(into other: TCPConnection) async throws(SocketError) -> Int {
    var count = 0
    while let view = try await receive() {
      count += view.count
      try await other.send(view)
    }
    await other.closeOutput()
    return count
  }

  /// Passes bytes in both directions, each until its input ends, and returns when both have.
  ///
  /// ```swift
  /// // A proxy.
  /// try await server.run { connection in
  ///   let upstream = try await TCPConnection.connect(to: address, on: connection.loop)
  ///   try await TCPConnection.join(connection, upstream)
  /// }
  /// ```
  ///
  /// The end of each input is passed on as a half-close, and the other direction goes on. If a direction fails, or the task is
  /// cancelled, both connections are aborted: their peers see a reset, as they must, because their streams are cut.
  ///
  /// - Parameters:
  ///   - first: one of the two. If its own task calls this, it is read at the least cost.
  ///   - second: the other one.
  /// - Throws: `SocketError`: the first failure; both connections are closed by then.
  public static func join(_ first: TCPConnection, _ second: TCPConnection) async throws(SocketError) {
    let failures = await withTaskGroup(of: SocketError?.self) { group in
      group.addTask(executorPreference: second.loop) { await second.passAll(to: first) }
      // On the task that calls, which may be the connection's own one.
      let mine = await first.passAll(to: second)
      return [mine, await group.next() ?? nil]
    }
    // The failure of one makes the other direction fail, because its connections are aborted: not the news.
    let news = failures.compactMap(\.self)
    if let failure = news.first(where: { $0.kind != .closed && $0.kind != .cancelled }) ?? news.first {
      throw failure
    }
  }

  /// One direction; when it fails, both connections are ended, which ends the other direction.
  private func passAll(to other: TCPConnection) async -> SocketError? {
    do throws(SocketError) {
      try await pipe(into: other)
      return nil
    } catch {
      // At once, and not one after the other: an abort returns when the descriptor is closed.
      async let here: Void = abort()
      async let there: Void = other.abort()
      _ = await (here, there)
      return error
    }
  }
}
