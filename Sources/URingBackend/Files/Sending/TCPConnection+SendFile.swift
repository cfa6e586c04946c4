public import IOBuffers

/// Sending files.
extension TCPConnection {
  /// Sends a range of a file. The bytes go from the page cache to the socket: by sendfile(2), which copies nothing; a few are copied
  /// once, and sent as any others. What has to be read from a disk first is read into a slot meanwhile, and the loop does not wait.
  ///
  /// Returns when the last byte is with the kernel, so it suspends as long as the peer is slow; small files need not wait for that. What
  /// other tasks send meanwhile comes behind the file.
  ///
  /// - Parameters:
  ///   - file: the file, which stays open until then.
  ///   - range: which bytes; all that it had when it was opened unless told. None: nothing is sent.
  /// - Throws: `FileSendError`, which says how many bytes were sent before: `.file` with `.outOfRange` (nothing is sent), `.ended` when the
  ///   file was truncated meanwhile, `.system` when it could not be read, `.cancelled` when the task was cancelled;
  ///   `.connection` as `send(_:)` of a view. What was not sent then is missing in the stream: if something has been queued behind it
  ///   by others, the connection is given up, and otherwise that is for the caller to decide. See ``abort()``.
  public func send(_ file: File, range: Range<Int>? = nil) async throws(FileSendError) {
    do {
      try await send(file, range: range) { _ in }
    } catch let error as FileSendError {
      throw error
    } catch let error as SocketError {
      throw FileSendError(.connection(error))
    } catch {
      // The body throws nothing.
      throw FileSendError(.connection(SocketError(.closed, .send, peer: peer)))
    }
  }

  /// Sends what a body writes, and a range of a file behind it: nothing of other tasks comes between them, and a small file goes
  /// out in one send with its head.
  ///
  /// ```swift
  /// try await connection.send(file) { head in
  ///   try head.append("HTTP/1.1 200 OK\r\nContent-Length: ")
  ///   try head.append(decimal: file.size)
  ///   try head.append("\r\n\r\n")
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - file: the file, which stays open until it is sent.
  ///   - range: which bytes; all that it had when it was opened unless told.
  ///   - head: writes what comes first; 4096 bytes without fail. If it throws, nothing is sent.
  /// - Throws: what the body throws; `SocketError` as `write` does; `FileSendError` as ``send(_:range:)``.
  public func send(
    _ file: File,
    range: Range<Int>? = nil,
    head: (inout OutputBytes) throws -> Void
  ) async throws {
    var bytes: FileBytes
    do throws(FileError) {
      bytes = try FileBytes(file, range)
    } catch {
      throw FileSendError(.file(error))
    }
    let room = TCPConnection.headBytes + bytes.copyable
    var output = OutputBytes(arena: arena, chunkBytes: room)
    try await reserve(room, in: &output, until: .max)
    try head(&output)
    let start = bytes.rest.lowerBound
    bytes.append(to: &output)
    let copied = bytes.rest.lowerBound - start
    if bytes.rest.isEmpty { return try await send(output.finish(), until: .max) }
    try await send(bytes, copied, behind: output.finish())
  }

  /// Room for what comes before a file.
  private static let headBytes = 512

  private func send(_ bytes: FileBytes, _ copied: Int, behind head: consuming ByteQueue) async throws(FileSendError) {
    let views = head.detachAll()
    let ticket = FileSendTicket()
    let (end, sent) = await withTaskCancellationHandler {
      // Resumed once: here where it is refused, otherwise by the file's end, of which there is one.
      unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<(FileSend.End, Int), Never>) in
        loop.execute { [self] in
          let send = FileSend(bytes.file, bytes.rest, on: id) { end, sent in
            unsafe continuation.resume(returning: (end, sent))
          }
          ticket.send = send
          guard let name = enqueue(views, before: send) else {
            return unsafe continuation.resume(returning: (.broken(refusal(engine, id)), 0))
          }
          ticket.name = name
          if ticket.cancellation.isCancelled { engine.cancel(name, send) }
        }
      }
    } onCancel: {
      ticket.cancellation.cancel()
      loop.execute { [self] in
        if let send = ticket.send { engine.cancel(ticket.name, send) }
      }
    }
    switch end {
    case .done: return
    case .failed(let error): throw FileSendError(.file(error), sent: copied + sent)
    case .broken(let error): throw FileSendError(.connection(error), sent: copied + sent)
    }
  }

  /// On the loop. Nil: refused, and nothing is queued.
  private func enqueue(_ views: [DetachedView], before send: FileSend) -> UInt32? {
    guard enqueue(views) != .refused || views.isEmpty, let index = engine.find(id) else { return nil }
    return engine.send(send, on: index)
  }
}

/// One call, between its task and the loop.
private final class FileSendTicket: @unchecked Sendable {
  // Why unchecked: the variables belong to the loop's thread.
  let cancellation = CancellationTicket()
  var send: FileSend?
  var name = FileSends.none
}
