public import IOBuffers

/// Collects small writes, and sends them as one.
///
/// ```swift
/// var writer = connection.writer()
/// while let command = try await reader.next(&decoder, flushing: &writer) {  // flushes before it waits
///   try await writer.reserve(64)                                             // waits if there is no memory
///   try writer.output.append("+OK\r\n")
/// }
/// ```
///
/// **Nothing is sent but by ``flush(timeout:)``** and its relatives. What is not flushed when the writer goes is dropped: a body that throws in
/// the middle of a reply has not sent half of it.
///
/// **Errors lose nothing that was not handed over.** An `append` that throws has added nothing, and what was appended before is still
/// there. A `flush` that throws has handed it over, or the connection is over; the writer is empty, and can be used again,
/// also in a `catch` block.
///
/// It may be used on any task, one at a time; other tasks may send on the same connection meanwhile.
public struct ConnectionWriter: ~Copyable, Sendable {
  /// Where it is sent.
  public let connection: TCPConnection
  /// What was not flushed yet. Append to it.
  public var output: OutputBytes
  private var deadline = UInt64.max

  init(_ connection: TCPConnection, chunkBytes: Int) {
    self.connection = connection
    output = OutputBytes(arena: connection.arena, chunkBytes: chunkBytes)
  }

  /// Bounds the time of all that this writer waits for from now on. What waits longer throws `.timedOut`. The counterpart of
  /// ``ConnectionReader/setDeadline(after:)``.
  ///
  /// - Parameter timeout: how long from now on; nil: for ever, as in the beginning.
  public mutating func setDeadline(after timeout: Duration?) {
    deadline = timeout.map { connection.loop.clock.deadline(after: $0) } ?? .max
  }

  /// Sees to it that the next `count` bytes can be appended without an error. If there is no memory for them, what was appended
  /// before is flushed, and this waits, no longer than the connection lives.
  ///
  /// - Parameters:
  ///   - count: how many bytes.
  ///   - timeout: how long to wait; as long as it takes (and the deadline allows) unless told.
  /// - Throws: `SocketError` as ``flush(timeout:)`` and `TCPConnection.allocate(minimumCapacity:)`.
  public mutating func reserve(_ count: Int, timeout: Duration? = nil) async throws(SocketError) {
    do throws(BufferError) {
      return try output.reserve(count)
    } catch {
      let end = end(of: timeout)
      // What it holds is what others wait for.
      if !output.isEmpty { try await flush(until: end) }
      output.removeAll()
      try await connection.reserve(count, in: &output, until: end)
    }
  }

  /// Sends everything in one piece.
  ///
  /// - Parameter timeout: how long to wait while more than the high-water mark is unsent; as long as it takes (and the deadline
  ///   allows) unless told.
  /// - Throws: `SocketError` when the connection broke or its output is closed (nothing of it is sent); `.cancelled` or
  ///   `.timedOut` when it had to wait: everything is queued then, and goes out.
  public mutating func flush(timeout: Duration? = nil) async throws(SocketError) {
    guard !output.isEmpty else { return }
    try await flush(until: end(of: timeout))
  }

  /// Sends everything, if there is enough of it: between two pieces of a long reply.
  ///
  /// - Parameters:
  ///   - bytes: how many there must be; 64 KiB unless told.
  ///   - timeout: as in ``flush(timeout:)``.
  /// - Throws: as ``flush(timeout:)``.
  public mutating func flush(ifAtLeast bytes: Int, timeout: Duration? = nil) async throws(SocketError) {
    if output.count >= bytes { try await flush(timeout: timeout) }
  }

  private mutating func flush(until deadline: UInt64) async throws(SocketError) {
    try await connection.send(output.finish(), until: deadline)
  }

  private func end(of timeout: Duration?) -> UInt64 {
    guard let timeout else { return deadline }
    return min(deadline, connection.loop.clock.deadline(after: timeout))
  }
}

extension TCPConnection {
  /// A writer, which collects what is to be sent as one.
  ///
  /// - Parameter chunkBytes: see `OutputBytes`; 4096 unless told.
  /// - Returns: the writer. It holds no memory until something is appended.
  public func writer(chunkBytes: Int = 4096) -> ConnectionWriter {
    ConnectionWriter(self, chunkBytes: chunkBytes)
  }
}
