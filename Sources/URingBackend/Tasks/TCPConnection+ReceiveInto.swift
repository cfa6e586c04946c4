public import IOBuffers
internal import SystemPackage

extension TCPConnection {
  /// Receives the next `count` bytes of the stream into a buffer, behind what it holds: for a value whose size is known, and which
  /// stays where it lands.
  ///
  /// What has been received already is copied, once. The kernel writes the rest where it belongs, and the buffer is locked
  /// meanwhile. Any task; one at a time, as with `receive()`.
  ///
  /// ```swift
  /// var value = try await connection.allocate(minimumCapacity: size)
  /// guard try await connection.receive(size, into: &value) == size else { return }  // The peer has ended in the middle.
  /// ```
  ///
  /// - Parameters:
  ///   - count: how many bytes. None or fewer: the call returns at once.
  ///   - buffer: where to. It grows, and moves, if it has no room for so many; to have it wait for memory instead of throwing,
  ///     get it from `allocate(minimumCapacity:)` with room enough.
  /// - Returns: how many came: fewer than `count` only if the peer has ended its stream.
  /// - Throws: `SocketError` as `receive()` does, and `.system(.noMemory)` when the buffer cannot grow, `.system(.resourceBusy)`
  ///   while a view of it is out. What had come by then is in the buffer, and counts as received: its `count` tells.
  public func receive(_ count: Int, into buffer: inout PooledBuffer) async throws(SocketError) -> Int {
    guard count > 0 else { return 0 }
    let room: DetachedView
    do throws(BufferError) {
      room = try buffer.lendRoom(count)
    } catch .locked {
      throw SocketError(.system(.resourceBusy), .receive, peer: peer)
    } catch {
      throw SocketError(.system(.noMemory), .receive, peer: peer)
    }
    let call = ReceiveInto(room)
    await withTaskCancellationHandler {
      // Parked in the call, which resumes it once; or resumed here, where the connection is gone.
      unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
        loop.execute { [self] in
          unsafe call.park(continuation)
          guard let index = engine.find(id) else {
            call.end(SocketError(.closed, .receive, peer: peer))
            return call.resume()
          }
          sink.begin(call, index)
        }
      }
    } onCancel: {
      call.ticket.cancel()
      loop.execute { [self] in
        guard let index = engine.find(id), sink.states[index].receiveInto === call else { return }
        sink.endReceiveInto(index, SocketError(.cancelled, .receive, peer: peer))
      }
    }
    // The kernel is done with it: that is what resumed us.
    room.releaseWriter()
    do throws(BufferError) {
      try buffer.noteFilled(call.filled)
    } catch {
      throw SocketError(.system(.resourceBusy), .receive, peer: peer)
    }
    if let error = call.error, call.filled < count { throw error }
    return call.filled
  }
}
