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
      guard let index = engine.find(id), !self.sink.isGone(index) else {
        return allocation.giveUp(self.sink.reason(id, self.peer))
      }
      self.sink.states[index].allocations.append(allocation)
    }
    do throws(BufferError) {
      let buffer = try await request.buffer()
      await leave(allocation)
      return buffer
    } catch {
      await leave(allocation)
      if error == .cancelled, let reason = allocation.reason { throw reason }
      throw SocketError(error, peer: peer)
    }
  }

  /// The allocation is over.
  private func leave(_ allocation: ConnectionAllocation) async {
    await onLoop { engine, id in
      guard let index = engine.find(id) else { return }
      self.sink.states[index].allocations.removeAll { $0 === allocation }
    }
  }
}

/// One call of `allocate` that waits.
final class ConnectionAllocation: Sendable {
  private let request: LoanRequest
  private let end = Guarded<SocketError?>(nil)

  init(_ request: LoanRequest) {
    self.request = request
  }

  /// Why the connection was over, if that was what ended the wait.
  var reason: SocketError? { end.withLock { $0 } }

  /// The connection is over.
  func giveUp(_ reason: SocketError) {
    end.withLock { $0 = reason }
    request.cancel()
  }
}

extension AsyncSink {
  /// Why a connection has no more memory.
  func reason(_ id: ConnectionID, _ peer: SocketAddress?) -> SocketError {
    withEngine { engine in
      let failure = engine.find(id).flatMap { engine.records[$0].failure }
      return SocketError(failure ?? .closed, .allocate, peer: peer)
    }
  }

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
