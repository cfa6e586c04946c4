public import IOBuffers
internal import SystemPackage

/// Memory for a connection.
extension TCPConnection {
  /// An empty buffer of the loop's arena, as soon as there is one. Unlike `BufferArena.allocateWhenAvailable`, the wait ends
  /// with the connection, so a task that holds memory and waits for more does not outlive its peer. Any task.
  ///
  /// - Parameter minimumCapacity: how many bytes the buffer must have room for.
  /// - Returns: the buffer's owner. Its `count` is 0.
  /// - Throws: `SocketError` of operation `.allocate`: the reason why the connection ended; `.cancelled` when the task is
  ///   cancelled while it waits; `.system(.noMemory)` when no wait can help, because the request is above the arena's limit
  ///   or the system refuses memory; `.shuttingDown` when the loop has ended; `.system(.invalidArgument)` for a negative
  ///   size.
  public func allocate(minimumCapacity: Int) async throws(SocketError) -> PooledBuffer {
    do throws(BufferError) {
      return try arena.allocate(minimumCapacity: minimumCapacity)
    } catch .limitReached {
      // There is none now: wait, and end with the connection.
    } catch {
      throw SocketError(error, peer: peer)
    }
    let request = LoanRequest(arena, minimumCapacity: minimumCapacity)
    let allocation = ConnectionAllocation(request)
    await onLoop { engine, id in
      guard let index = engine.find(id), !self.sink.isGone(index) else { return allocation.giveUp() }
      self.sink.states[index].allocations.append(allocation)
    }
    do throws(BufferError) {
      let buffer = try await request.buffer()
      await leave(allocation)
      return buffer
    } catch {
      let reason = await leave(allocation)
      if error == .cancelled, let reason { throw reason }
      throw SocketError(error, peer: peer)
    }
  }

  /// The allocation is over. Why the connection is, if it is.
  @discardableResult
  private func leave(_ allocation: ConnectionAllocation) async -> SocketError? {
    await onLoop { engine, id in
      guard let index = engine.find(id) else { return SocketError(.closed, .allocate, peer: self.peer) }
      self.sink.states[index].allocations.removeAll { $0 === allocation }
      guard self.sink.isGone(index) else { return nil }
      return SocketError(engine.records[index].failure ?? .closed, .allocate, peer: self.peer)
    }
  }
}

/// One call of `allocate` that waits.
final class ConnectionAllocation: Sendable {
  private let request: LoanRequest

  init(_ request: LoanRequest) {
    self.request = request
  }

  /// The connection is over.
  func giveUp() {
    request.cancel()
  }
}

extension AsyncSink {
  /// Whether neither direction of a connection can be used any more.
  func isGone(_ index: Int) -> Bool {
    withEngine { engine in
      engine.records[index].failure != nil || engine.records[index].machine.flags.contains(.closing)
    }
  }
}

extension SocketError {
  /// Why there is no buffer.
  fileprivate init(_ error: BufferError, peer: SocketAddress?) {
    switch error {
    case .cancelled: self.init(.cancelled, .allocate, peer: peer)
    case .closed: self.init(.shuttingDown, .allocate, peer: peer)
    case .negativeSize: self.init(.system(.invalidArgument), .allocate, peer: peer)
    default: self.init(.system(.noMemory), .allocate, peer: peer)
    }
  }
}
