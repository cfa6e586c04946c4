public import IOBuffers

/// Sending more than a view. Nothing of this waits.
extension ConnectionContext {
  /// Queues all bytes of a queue for sending, straight from the memory that its views lock; the completions release them.
  ///
  /// - Parameter queue: what to send; it is used up.
  /// - Returns: false when it was refused because the connection's output is over; nothing of it is sent then.
  @discardableResult
  public func send(_ queue: consuming ByteQueue) -> Bool {
    var queue = queue
    return withEngine { $0.send(&queue, on: index) != .refused }
  }

  /// Sends what a body writes, all of it in one piece, when the body has returned. If it throws, nothing is sent.
  ///
  /// - Parameter body: writes, into memory of the loop's arena. A handler that writes many small replies to one view writes them in
  ///   one call of this, or keeps an `OutputBytes` in a field.
  /// - Returns: false when the connection's output is over.
  /// - Throws: what the body throws.
  @discardableResult
  public func write<Failure: Error>(
    _ body: (inout OutputBytes) throws(Failure) -> Void
  ) throws(Failure) -> Bool {
    var output = OutputBytes(arena: arena)
    try body(&output)
    return send(output.finish())
  }

  /// Sends a copy of text that is part of the program, as UTF-8.
  ///
  /// - Returns: false when the connection's output is over.
  /// - Throws: `BufferError` when the arena has no memory for the copy; nothing is sent then.
  @discardableResult
  public func send(_ text: StaticString) throws(BufferError) -> Bool {
    try sendCopy(text.withUTF8Buffer { $0.count }) { output throws(BufferError) in try output.append(text) }
  }

  /// Sends a copy of text, as UTF-8. See ``send(_:)-(StaticString)``.
  @discardableResult
  public func send(_ text: some StringProtocol) throws(BufferError) -> Bool {
    try sendCopy(text.utf8.count) { output throws(BufferError) in try output.append(text) }
  }

  /// Sends a copy of bytes. See ``send(_:)-(StaticString)``.
  @discardableResult
  public func send(_ bytes: some Collection<UInt8>) throws(BufferError) -> Bool {
    try sendCopy(bytes.count) { output throws(BufferError) in try output.append(bytes) }
  }

  /// Sends a copy of bytes. See ``send(_:)-(StaticString)``.
  @discardableResult
  public func send(_ bytes: RawSpan) throws(BufferError) -> Bool {
    try sendCopy(bytes.byteCount) { output throws(BufferError) in try output.append(bytes) }
  }

  /// Whether more than the high-water mark is unsent. A handler that answers kept bytes goes on until then, and again in
  /// `outputDrained`, which comes when what is unsent has fallen to the low-water mark. Nothing
  /// new is received meanwhile, beyond what is under way.
  public var isAboveHighWater: Bool { withEngine { $0.records[index].machine.isAboveHighWater } }

  private func sendCopy(
    _ count: Int,
    _ append: (inout OutputBytes) throws(BufferError) -> Void
  ) throws(BufferError) -> Bool {
    var output = OutputBytes(arena: arena, chunkBytes: min(count, 4096))
    try append(&output)
    return send(output.finish())
  }
}
