import IOBuffers
import URingBackend

/// Answers each line, however its bytes arrive, with its length; "quit" ends the connection, and a line that is too long is an
/// error.
struct LineHandler: ConnectionHandler {
  struct TooLong: Error {}

  private var line: [UInt8] = []

  mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
    let bytes = view.withBytes { span in (0..<span.byteCount).map { span.unsafeLoad(at: $0) } }
    for byte in bytes {
      guard byte == UInt8(ascii: "\n") else {
        guard line.count < 1000 else { throw TooLong() }
        line.append(byte)
        continue
      }
      if line.elementsEqual("quit".utf8) { return connection.close() }
      var reply = try connection.arena.allocate(minimumCapacity: 16)
      try reply.append(contentsOf: "\(line.count)\r\n".utf8)
      connection.send(try reply.finish())
      line.removeAll()
    }
  }

  mutating func stopping(_ connection: borrowing ConnectionContext) {
    if line.isEmpty { connection.close() }
  }
}

extension RawSpan {
  /// The byte at an offset that is in bounds.
  fileprivate func unsafeLoad(at offset: Int) -> UInt8 {
    // In bounds, and a byte has no invalid values: the call checks the former.
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }
}
