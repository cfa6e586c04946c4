public import IOBuffers
internal import SystemPackage

/// Sending what is written on the spot.
extension TCPConnection {
  /// Sends what a body writes, all of it in one piece, when the body has returned. If it throws, nothing is sent.
  ///
  /// ```swift
  /// try await connection.write { output in
  ///   try output.append("HTTP/1.1 200 OK\r\nContent-Length: ")
  ///   try output.append(decimal: body.count)
  ///   try output.append("\r\n\r\n")
  ///   output.append(body.take())                           // a queue of views: passed through, not copied
  /// }
  /// ```
  ///
  /// The memory for the first `minimumCapacity` bytes is there before the body runs: if the arena has none, this waits, no
  /// longer than the connection lives, as `allocate(minimumCapacity:)` does. What the body appends beyond that (views and
  /// queues do not count) is taken from the arena as it goes, and throws `BufferError.limitReached` where there is none:
  /// nobody should wait for memory while holding some. What is not used of it goes back.
  ///
  /// - Parameters:
  ///   - minimumCapacity: how many bytes the body can append without fail; 4096 unless told.
  ///   - timeout: how long to wait, for memory and for the peer; as long as it takes unless told.
  ///   - body: writes. Nothing of the connection may be awaited in it: it is short.
  /// - Throws: what the body throws; `SocketError` as ``send(_:)-(ByteQueue)`` and `allocate(minimumCapacity:)`.
  public func write(
    minimumCapacity: Int = 4096,
    timeout: Duration? = nil,
    _ body: (inout OutputBytes) throws -> Void
  ) async throws {
    let deadline = timeout.map { loop.clock.deadline(after: $0) } ?? .max
    var output = OutputBytes(arena: arena)
    try await reserve(minimumCapacity, in: &output, until: deadline)
    try body(&output)
    try await send(output.finish(), until: deadline)
  }

  /// Sees to it that so many bytes can be appended. Waits for memory if there is none.
  func reserve(_ count: Int, in output: inout OutputBytes, until deadline: UInt64) async throws(SocketError) {
    do throws(BufferError) {
      return try output.reserve(count)
    } catch .limitReached {
      // There is none now.
    } catch .negativeSize {
      throw SocketError(.system(.invalidArgument), .allocate, peer: peer)
    } catch .closed {
      throw SocketError(.shuttingDown, .allocate, peer: peer)
    } catch {
      throw SocketError(.system(.noMemory), .allocate, peer: peer)
    }
    // In one piece: who waits for one piece after the other holds what others wait for.
    let buffer = try await run(until: deadline, .allocate) { () throws(SocketError) in
      try await allocate(minimumCapacity: count)
    }
    do throws(BufferError) {
      try output.adopt(buffer)
    } catch {
      // It is fresh: nobody can have locked it.
      throw SocketError(.system(.resourceBusy), .allocate, peer: peer)
    }
  }
}
