extension TestPeer {
  private static var chunk: Int { 16 << 10 }

  /// What arrives next, as much of it as there is. Empty at the end of the stream.
  /// - Throws: ``TestNetworkError`` of kind `wasReset`, `closed`, `timedOut`, `nothingHappens`.
  public func receive() throws(TestNetworkError) -> [UInt8] {
    let operation = "receive"
    try require(for: operation)
    if buffer.isEmpty { _ = try fill(TestPeer.chunk, operation) }
    return take(buffer.count)
  }

  /// So many bytes, and no more: what follows stays in this end's socket.
  /// - Throws: ``TestNetworkError`` of kind `streamEnded` when the stream ends before, `wasReset`, `closed`, `timedOut`,
  ///   `nothingHappens`.
  public func receive(exactly count: Int) throws(TestNetworkError) -> [UInt8] {
    let operation = "receive \(count) bytes"
    try require(for: operation)
    while buffer.count < count {
      guard try fill(count - buffer.count, operation) else { throw failure(.streamEnded, operation) }
    }
    return take(max(0, count))
  }

  /// A line, without the line feed that ends it, nor a carriage return before that. Bytes that are no UTF-8 are replaced.
  /// - Throws: ``TestNetworkError`` of kind `streamEnded` when the stream ends before the line does, `wasReset`, `closed`,
  ///   `timedOut`, `nothingHappens`.
  public func receiveLine() throws(TestNetworkError) -> String {
    let operation = "receive a line"
    try require(for: operation)
    var searched = 0
    while true {
      if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        var line = take(end + 1).dropLast()
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return String(decoding: line, as: UTF8.self)
      }
      searched = buffer.count
      guard try fill(TestPeer.chunk, operation) else { throw failure(.streamEnded, operation) }
    }
  }

  /// Everything up to the end of the stream. Empty when that was received already.
  /// - Throws: ``TestNetworkError`` of kind `wasReset`, `closed`, `timedOut`, `nothingHappens`.
  public func receiveToEnd() throws(TestNetworkError) -> [UInt8] {
    let operation = "receive to the end of the stream"
    try require(for: operation)
    while try fill(TestPeer.chunk, operation) {}
    return take(buffer.count)
  }

  /// Waits for bytes, and takes so many at most. False: the stream has ended.
  private func fill(_ limit: Int, _ operation: String) throws(TestNetworkError) -> Bool {
    try wait(operation) { peer.bytesAvailable > 0 || peer.hasEnded || peer.wasReset }
    let bytes = peer.read(limit)
    if bytes.isEmpty {
      if peer.hasEnded { return false }
      throw failure(.wasReset, operation)
    }
    received += bytes.count
    buffer += bytes
    return true
  }

  private func take(_ count: Int) -> [UInt8] {
    defer { buffer.removeFirst(count) }
    return Array(buffer[..<count])
  }
}
