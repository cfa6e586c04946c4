public import IOBuffers

/// Reading so many bytes.
extension ConnectionReader {
  /// The next `count` bytes.
  ///
  /// They pin the slots that they were received into until all are there. What is larger than a few slots is better read
  /// into memory of its own: ``read(_:into:timeout:)``.
  ///
  /// - Parameters:
  ///   - count: how many; none if it is below one.
  ///   - timeout: how long to wait for them; as long as it takes (and the reader's deadline allows) unless told.
  /// - Returns: exactly so many bytes.
  /// - Throws: `.endedInTheMiddle` when the stream ends before, also if nothing of them has come (where that is no error,
  ///   ask ``waitForMessage(timeout:)`` first); `.connection`; `.buffer` with `tooManyViews`. All that came is still here.
  public mutating func read(exactly count: Int, timeout: Duration? = nil) async throws(ReadError) -> ByteQueue {
    let count = max(0, count)
    if bytes.count < count {
      let end = end(of: timeout)
      while bytes.count < count {
        guard try await more(end) else {
          throw .endedInTheMiddle(leftover: bytes.count, missing: count - bytes.count)
        }
      }
    }
    return try take(count)
  }

  /// The next bytes, as many as there are, but not more than `count`. Waits only if there are none.
  ///
  /// - Parameters:
  ///   - count: how many at most; the result is empty if it is below one.
  ///   - timeout: how long to wait; as long as it takes (and the reader's deadline allows) unless told.
  /// - Returns: at least one byte; nil at the end of the stream.
  /// - Throws: `.connection`, `.buffer` with `tooManyViews`. Nothing is lost.
  public mutating func read(upTo count: Int, timeout: Duration? = nil) async throws(ReadError) -> ByteQueue? {
    guard count > 0 else { return ByteQueue() }
    if bytes.isEmpty {
      guard try await more(end(of: timeout)) else { return nil }
    }
    return try take(min(count, bytes.count))
  }

  /// Waits until `count` bytes are in ``bytes``, and takes none of them.
  ///
  /// - Parameters:
  ///   - count: how many.
  ///   - timeout: how long to wait for them; as long as it takes (and the reader's deadline allows) unless told.
  /// - Returns: false if the stream ends before; what there is is in ``bytes``.
  /// - Throws: `.connection`. Nothing is lost.
  public mutating func peek(_ count: Int, timeout: Duration? = nil) async throws(ReadError) -> Bool {
    guard bytes.count < count else { return true }
    let end = end(of: timeout)
    while bytes.count < count {
      guard try await more(end) else { return false }
    }
    return true
  }

  /// Waits until something of the next message is there; for what is between two messages, where nobody is harmed by an end.
  ///
  /// ```swift
  /// while try await reader.waitForMessage(timeout: .seconds(60)) {
  ///   reader.setDeadline(after: .seconds(10))                         // the time for one request
  ///   let header = try await reader.read(exactly: 12)
  ///   …
  ///   reader.setDeadline(after: nil)
  /// }
  /// ```
  ///
  /// - Parameter timeout: how long to wait; as long as it takes (and the reader's deadline allows) unless told.
  /// - Returns: false when there is no next message: the stream has ended, or the server stops and nothing has arrived
  ///   (see `TCPConnection.receiveUnlessStopping()`).
  /// - Throws: `.connection`. Nothing is lost.
  public mutating func waitForMessage(timeout: Duration? = nil) async throws(ReadError) -> Bool {
    if !bytes.isEmpty { return true }
    return try await more(end(of: timeout), endsOnStop: true)
  }

  /// Drops the next `count` bytes, as they come; none of them is kept.
  ///
  /// - Parameters:
  ///   - count: how many; none if it is below one.
  ///   - timeout: how long to wait for them; as long as it takes (and the reader's deadline allows) unless told.
  /// - Throws: `.endedInTheMiddle` when the stream ends before; `.connection`. What was dropped until then is gone:
  ///   ``position`` tells how much.
  public mutating func skip(_ count: Int, timeout: Duration? = nil) async throws(ReadError) {
    var left = max(0, count)
    drop(&left)
    guard left > 0 else { return }
    let end = end(of: timeout)
    while left > 0 {
      guard try await more(end) else { throw .endedInTheMiddle(leftover: max(0, count) - left, missing: left) }
      drop(&left)
    }
  }

  private mutating func drop(_ left: inout Int) {
    let count = min(left, bytes.count)
    // There are so many, so it cannot throw.
    try? bytes.removePrefix(count)
    left -= count
  }

  /// Reads the next `count` bytes into a buffer, behind what it holds: what the reader has is copied, and the kernel writes the
  /// rest where it belongs. See `TCPConnection.receive(_:into:)`.
  ///
  /// - Parameters:
  ///   - count: how many; none if it is below one.
  ///   - buffer: where to. It grows, and moves, if it has no room for so many; to have it wait for memory instead of
  ///     throwing, get it from `TCPConnection.allocate(minimumCapacity:)` with room enough.
  ///   - timeout: how long to wait for them; as long as it takes (and the reader's deadline allows) unless told.
  /// - Throws: `.endedInTheMiddle` when the stream ends before, `.connection`; `.buffer` if the buffer cannot grow, or a
  ///   view of it is out. What came is in the buffer, and its `count` tells how much; none of it is here any more.
  public mutating func read(
    _ count: Int,
    into buffer: inout PooledBuffer,
    timeout: Duration? = nil
  ) async throws(ReadError) {
    guard count > 0 else { return }
    let before = buffer.count
    let (needed, overflows) = before.addingReportingOverflow(count)
    do throws(BufferError) {
      try buffer.reserve(overflows ? .max : needed)
      try moveLeftovers(count, to: &buffer)
    } catch {
      throw .buffer(error)
    }
    let rest = count - (buffer.count - before)
    guard rest > 0 else { return }
    if !isAtEnd { try await receive(rest, into: &buffer, end(of: timeout)) }
    let missing = count - (buffer.count - before)
    guard missing > 0 else { return }
    isAtEnd = true
    throw .endedInTheMiddle(leftover: count - missing, missing: missing)
  }

  private mutating func moveLeftovers(_ count: Int, to buffer: inout PooledBuffer) throws(BufferError) {
    var left = min(count, bytes.count)
    while left > 0 {
      // Appended, and then removed: what cannot be appended stays.
      let moved = try bytes.withFirstBytes { span throws(BufferError) in
        let piece = span.extracting(first: left)
        try buffer.append(piece)
        return piece.byteCount
      }
      try bytes.removePrefix(moved)
      left -= moved
    }
  }

  private mutating func receive(
    _ count: Int,
    into buffer: inout PooledBuffer,
    _ deadline: UInt64
  ) async throws(ReadError) {
    let before = buffer.count
    let connection = connection
    do throws(SocketError) {
      _ = try await connection.run(until: deadline, .receive) { () throws(SocketError) in
        try await connection.receive(count, into: &buffer)
      }
      received += buffer.count - before
    } catch {
      received += buffer.count - before
      throw .connection(error)
    }
  }
}
