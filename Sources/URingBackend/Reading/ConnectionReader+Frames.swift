public import IOBuffers

/// Reading with a decoder, or with a body that looks for itself.
extension ConnectionReader {
  /// The next frame. The decoder is the same as that of a `Framer` in a handler.
  ///
  /// - Parameters:
  ///   - decoder: finds it. The same one must be used until a frame has come, because it may remember how far it has looked,
  ///     and nobody else may take bytes in between.
  ///   - timeout: how long to wait for the frame; as long as it takes (and the reader's deadline allows) unless told.
  /// - Returns: the frame; nil when the stream ended where it may.
  /// - Throws: what the decoder throws (of those of this package: `FrameError`, of which `endedInTheMiddle` is the end of the
  ///   stream within a frame); `ReadError.connection`; `ReadError.tooLong` when it asks for more and has more than ``limit``
  ///   bytes. All that came, and that the decoder did not take, is still here.
  public mutating func next<Decoder: FrameDecoder & ~Copyable>(
    _ decoder: inout Decoder,
    timeout: Duration? = nil
  ) async throws -> Decoder.Frame? {
    var end: UInt64?
    while true {
      if let frame = try decoder.decode(&bytes) { return frame }
      guard bytes.count <= limit else { throw ReadError.tooLong(limit: limit) }
      let deadline = end ?? self.end(of: timeout)
      end = deadline
      guard try await more(deadline) else { return try decoder.decodeLast(&bytes) }
    }
  }

  /// The next frame; but before this waits for more bytes, what the writer holds is sent. So what came together is answered together,
  /// and nobody waits for an answer while this waits for the next question, also when that has come in part.
  ///
  /// ```swift
  /// while let command = try await reader.next(&decoder, flushing: &writer) {
  ///   try await writer.reserve(64)
  ///   try writer.output.append("+OK\r\n")
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - decoder: as in ``next(_:timeout:)``.
  ///   - writer: of the same connection; it is empty when this waits, and at the end of the stream.
  ///   - timeout: how long to wait for the frame; the writer's own deadline holds for sending.
  /// - Returns: the frame; nil when the stream ended where it may.
  /// - Throws: as ``next(_:timeout:)``, and `SocketError` as ``ConnectionWriter/flush(timeout:)``.
  public mutating func next<Decoder: FrameDecoder & ~Copyable>(
    _ decoder: inout Decoder,
    flushing writer: inout ConnectionWriter,
    timeout: Duration? = nil
  ) async throws -> Decoder.Frame? {
    if let frame = try decoder.decode(&bytes) { return frame }
    if !writer.output.isEmpty { try await writer.flush() }
    return try await next(&decoder, timeout: timeout)
  }

  /// Lends what has come to a body, which takes from its front what it can use. The rest stays for the next call.
  ///
  /// ```swift
  /// while !done {
  ///   done = try await reader.read { bytes in
  ///     while let number = bytes.takeInteger(as: UInt32.self) { sum += number }
  ///     return bytes.isEmpty            // only at the end of the stream, or when all is used
  ///   }
  /// }
  /// ```
  ///
  /// The body is called once. If there is nothing, or the body took nothing of the same bytes in the last call, this waits for
  /// more first. At the end of the stream the body is called with an empty queue, each time; at the end with bytes that
  /// it did not take this throws.
  ///
  /// - Parameters:
  ///   - timeout: how long to wait, if this has to; as long as it takes (and the reader's deadline allows) unless told.
  ///   - body: takes bytes off the front of the queue.
  /// - Returns: what the body returns.
  /// - Throws: what the body throws; `ReadError.connection`; `ReadError.endedInTheMiddle`; `ReadError.tooLong` when it takes
  ///   nothing and there are more than ``limit`` bytes. What the body did not take is still here.
  public mutating func read<Value: ~Copyable>(
    timeout: Duration? = nil,
    _ body: nonisolated(nonsending) (inout ByteQueue) async throws -> Value
  ) async throws -> Value {
    if bytes.isEmpty || untouched == (received, position) {
      guard bytes.count <= limit else { throw ReadError.tooLong(limit: limit) }
      if try await !more(end(of: timeout)), !bytes.isEmpty {
        throw ReadError.endedInTheMiddle(leftover: bytes.count, missing: nil)
      }
    }
    let before = position
    defer { untouched = position == before ? (received, before) : (-1, -1) }
    return try await body(&bytes)
  }
}
