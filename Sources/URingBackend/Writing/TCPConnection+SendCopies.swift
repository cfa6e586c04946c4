internal import IOBuffers
internal import SystemPackage

/// Sending bytes that are not in memory of the arena: a copy of them. For small things; what is large or sent often belongs
/// into a buffer.
extension TCPConnection {
  /// Sends a copy of text that is part of the program, as UTF-8.
  ///
  /// Waits for memory if there is none, as `allocate(minimumCapacity:)` does.
  ///
  /// - Throws: `SocketError` as ``send(_:)-(ByteQueue)`` and `allocate(minimumCapacity:)`.
  public func send(_ text: StaticString) async throws(SocketError) {
    let count = text.withUTF8Buffer { $0.count }
    try await sendCopy(count) { output throws(BufferError) in try output.append(text) }
  }

  /// Sends a copy of text, as UTF-8. See ``send(_:)-(StaticString)``.
  public func send(_ text: some StringProtocol) async throws(SocketError) {
    try await sendCopy(text.utf8.count) { output throws(BufferError) in try output.append(text) }
  }

  /// Sends a copy of bytes. See ``send(_:)-(StaticString)``.
  public func send(_ bytes: some Collection<UInt8>) async throws(SocketError) {
    try await sendCopy(bytes.count) { output throws(BufferError) in try output.append(bytes) }
  }

  /// Sends a copy of bytes. See ``send(_:)-(StaticString)``.
  public func send(_ bytes: RawSpan) async throws(SocketError) {
    try await sendCopy(bytes.byteCount) { output throws(BufferError) in try output.append(bytes) }
  }

  private func sendCopy(
    _ count: Int,
    _ append: (inout OutputBytes) throws(BufferError) -> Void
  ) async throws(SocketError) {
    var output = OutputBytes(arena: arena, chunkBytes: min(count, 4096))
    try await reserve(count, in: &output, until: .max)
    do throws(BufferError) {
      try append(&output)
    } catch {
      // There is room: this is a collection that has more bytes than it said.
      throw SocketError(.system(.noMemory), .send, peer: peer)
    }
    try await send(output.finish(), until: .max)
  }
}
