public import IOBuffers

/// Sending files. Nothing of this waits.
extension ConnectionContext {
  /// Queues a range of a file. What is sent afterwards goes out behind it. Its bytes count as unsent, so a large file is above the
  /// high-water mark (see ``isAboveHighWater``) until the peer has taken all but the low-water mark of it, and the peer's next
  /// bytes wait meanwhile.
  ///
  /// - Parameters:
  ///   - file: the file, which stays open until it is sent.
  ///   - range: which bytes; all that it had when it was opened unless told.
  /// - Returns: false when it was refused because the connection's output is over.
  /// - Throws: `FileError` `.outOfRange`, and nothing is queued. What fails later ends the connection: the handler's `closed` is
  ///   told, with `.fileEnded` where the file was truncated meanwhile.
  @discardableResult
  public func send(_ file: File, range: Range<Int>? = nil) throws(FileError) -> Bool {
    var bytes = try FileBytes(file, range)
    var output = OutputBytes(arena: arena, chunkBytes: max(bytes.copyable, 1))
    bytes.append(to: &output)
    return send(output.finish(), bytes)
  }

  /// Queues what a body writes, and a range of a file behind it: a small file goes out in one send with its head.
  ///
  /// ```swift
  /// try connection.send(file) { head in
  ///   try head.append("HTTP/1.1 200 OK\r\nContent-Length: ")
  ///   try head.append(decimal: file.size)
  ///   try head.append("\r\n\r\n")
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - file: the file, which stays open until it is sent.
  ///   - range: which bytes; all that it had when it was opened unless told.
  ///   - head: writes what comes first. If it throws, nothing is queued.
  /// - Returns: false when it was refused because the connection's output is over.
  /// - Throws: what the body throws; `FileError` as ``send(_:range:)``.
  @discardableResult
  public func send(
    _ file: File,
    range: Range<Int>? = nil,
    head: (inout OutputBytes) throws -> Void
  ) throws -> Bool {
    var bytes = try FileBytes(file, range)
    var output = OutputBytes(arena: arena, chunkBytes: 512 + bytes.copyable)
    try head(&output)
    bytes.append(to: &output)
    return send(output.finish(), bytes)
  }

  private func send(_ head: consuming ByteQueue, _ bytes: FileBytes) -> Bool {
    guard send(head) else { return false }
    guard !bytes.rest.isEmpty else { return true }
    let send = FileSend(bytes.file, bytes.rest, on: id, completion: nil)
    return withEngine { $0.send(send, on: index) != nil }
  }
}
