internal import IOBuffers
internal import SystemPackage

/// Files among what a connection has to send: a list behind its queue of views, each file with the queue that follows it. So the
/// queue of views, which every message goes through, knows nothing of files.
extension StreamEngine {
  /// Queues a range of a file. Its bytes count as unsent from now on.
  /// - Returns: its name, or nil where it is refused because the connection's output is over.
  func send(_ send: FileSend, on index: Int) -> UInt32? {
    let place = records.place(index)
    guard place.record.machine.acceptsOutput else {
      place.record.machine.refuseUnsent(send.left)
      return nil
    }
    let name = fileSends.insert(send)
    if let last = lastFile(index) {
      last.next = name
    } else {
      place.record.files = name
    }
    place.record.machine.queueUnsent(send.left)
    markDirty(place)
    return name
  }

  /// Queues a view behind the last file.
  func enqueue(_ view: DetachedView, behindFilesOf index: Int) -> Bool {
    guard let last = lastFile(index) else { return false }
    if sendNodes.joinLast(view, of: last.behind) { return true }
    return sendNodes.append(view, to: &last.behind)
  }

  /// Few have more than one: their number is that of a handler's calls.
  private func lastFile(_ index: Int) -> FileSend? {
    guard var last = fileSends[records[index].files] else { return nil }
    while let next = fileSends[last.next] { last = next }
    return last
  }

  /// Takes the first file out, whose turn it was; what was queued behind it follows. What it had not sent is the caller's to
  /// account for.
  func removeFirstFile(_ index: Int) {
    let name = records[index].files
    guard let send = fileSends[name] else { return }
    fileSends.remove(name)
    records[index].files = send.next
    sendNodes.join(&records[index].sendQueue, &send.behind)
  }

  /// Gives up all files, and what is queued behind them: the connection is over. The kernel holds none of it.
  /// - Returns: how many bytes that were.
  func dropFiles(_ index: Int) -> Int {
    let error = records[index].error(or: .closed, .send)
    var dropped = 0
    while let send = fileSends[records[index].files] {
      fileSends.remove(records[index].files)
      records[index].files = send.next
      dropped += send.left
      while let view = sendNodes.popFirst(&send.behind) {
        dropped += Int(view.count)
        giveBack(view)
      }
      send.completion?(.broken(error), send.offset - send.start)
    }
    return dropped
  }

  /// Whoever waits for a file wants it no more.
  func cancel(_ name: UInt32, _ send: FileSend) {
    guard fileSends[name] === send, let index = find(send.connection) else { return }
    let error = FileError(.cancelled, .send, path: send.file.path)
    if records[index].files == name { return failFile(index, error) }
    // It has another one before it, which now is followed by what follows this one.
    var previous = fileSends[records[index].files]
    while let current = previous, current.next != name { previous = fileSends[current.next] }
    guard let previous else { return }
    previous.next = send.next
    sendNodes.join(&previous.behind, &send.behind)
    fileSends.remove(name)
    dropUnsent(index, send.left)
    send.completion?(.failed(error), 0)
  }

  /// The first file cannot be sent to its end.
  ///
  /// Whoever waits for it is told, and decides what becomes of the connection. Where nobody does, or where others have queued
  /// something behind it that would now stand in its place, the connection is given up.
  func failFile(_ index: Int, _ error: FileError) {
    guard let send = fileSends[records[index].files] else { return }
    // Else what is in flight was queued before the file.
    if case .polling = send.state { records[index].machine.withdrawSend() } else { _ = withdrawFileRead(index) }
    let isAlone = send.behind.isEmpty && send.next == FileSends.none
    removeFirstFile(index)
    dropUnsent(index, send.left)
    markDirty(index)
    send.completion?(.failed(error), send.offset - send.start)
    if send.completion == nil || !isAlone { abort(index, error.connectionFailure) }
  }

  /// Bytes will not be sent after all.
  private func dropUnsent(_ index: Int, _ count: Int) {
    if records[index].machine.dropUnsent(count) { drainedOutput(records.place(index)) }
  }
}

extension FileError {
  /// What the connection fails with on which the file cannot be sent.
  fileprivate var connectionFailure: SocketError.Kind {
    switch kind {
    case .system(let errno): .system(errno)
    case .ended: .fileEnded
    case .noMemory: .system(.noMemory)
    default: .closed
    }
  }
}
