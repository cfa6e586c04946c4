internal import IOBuffers
internal import SystemPackage

/// What of a file is not in the page cache: it is read into a slot, and sent from there. The read is the connection's send in
/// flight. Whoever has no slot to read into waits in line, and holds none.
extension StreamEngine {
  /// Slots that files are read into have one of these sizes: the first one that the arena can have.
  private static let fileSlotSizes = [65_536, 16_384, 4096]

  func startFileRead(_ index: Int, _ send: FileSend) {
    if fileSends.slotBytes == 0 {
      fileSends.slotBytes = StreamEngine.fileSlotSizes.first { isPossible($0) } ?? StreamEngine.fileSlotSizes[2]
    }
    send.state = .awaitingSlot
    fileSends.line.append(send)
    serveFileLine()
  }

  private func isPossible(_ slotBytes: Int) -> Bool {
    do throws(BufferError) {
      try memory.buffers.requirePossible(slotBytes: slotBytes)
      return true
    } catch {
      return false
    }
  }

  /// Gives slots to those who wait, as far as there are some.
  private func serveFileLine() {
    guard !fileSends.isNotified else { return }
    while let send = fileSends.line.first {
      guard let slot = takeFileSlot() else { return awaitFileSlot() }
      fileSends.line.removeFirst()
      read(send, into: slot)
    }
  }

  private func takeFileSlot() -> DetachedView? {
    var taken = InlineArray<1, DetachedView?>(repeating: nil)
    let count = unsafe withUnsafeTemporaryAllocation(of: DetachedView.self, capacity: 1) { room in
      // Room for one, which is initialised if one is taken.
      let count = unsafe memory.buffers.takeForKernel(slotBytes: fileSends.slotBytes, into: room)
      if count == 1 { taken[0] = unsafe room[0] }
      return count
    }
    return count == 1 ? taken[0] : nil
  }

  /// Has the arena call when there is a slot.
  private func awaitFileSlot() {
    fileSends.isNotified = true
    let isPossible = memory.buffers.whenAvailable(slotBytes: fileSends.slotBytes) { [loop] in
      loop.execute { loop.streams?.fileSlotArrived() }
    }
    guard !isPossible else { return }
    fileSends.isNotified = false
    let line = fileSends.line
    fileSends.line = []
    for send in line { fail(send, FileError(.noMemory, .send, path: send.file.path)) }
  }

  private func fileSlotArrived() {
    fileSends.isNotified = false
    guard !fileSends.line.isEmpty else {
      // One is kept for us until we come.
      takeFileSlot()?.releaseFromKernel()
      return
    }
    serveFileLine()
  }

  private func read(_ send: FileSend, into slot: DetachedView) {
    guard let files = loop.files else {
      slot.releaseFromKernel()
      return fail(send, FileError(.shuttingDown, .send, path: send.file.path))
    }
    let count = min(send.left, Int(slot.count), fileSends.slotBytes)
    // The slot is the kernel's until the completion, which gives it back or makes a reader of it.
    fileSends.reads &+= 1
    let number = fileSends.reads
    let key = unsafe files.begin(
      FileOperation(.read(slot.base, count: count, offset: send.offset), on: send.file) { [self] result in
        fileRead(send, number, slot, Int(result))
      }
    )
    send.state = .reading(key, number: number)
  }

  private func fileRead(_ send: FileSend, _ number: UInt64, _ slot: DetachedView, _ result: Int) {
    // Given up meanwhile, if it does not wait for this one any more.
    guard case .reading(_, number) = send.state, let index = find(send.connection) else {
      return slot.releaseFromKernel()
    }
    let place = records.place(index)
    send.state = .idle
    _ = place.record.machine.sendCompleted(0)
    markDirty(place)
    guard result > 0 else {
      slot.releaseFromKernel()
      let errno = Errno(rawValue: Int32(truncatingIfNeeded: -result))
      // Cancelled by nobody here: the loop stops, and all connections end.
      if errno == .canceled || errno == .interrupted || errno == .resourceTemporarilyUnavailable { return }
      let kind = result == 0 ? FileError.Kind.ended : .system(errno)
      return failFile(index, FileError(kind, .send, path: send.file.path))
    }
    let view = slot.filled(at: 0, count: result, last: true)
    // Before the file, which follows it.
    guard sendNodes.append(view, to: &place.record.sendQueue) else {
      view.releaseReader()
      return failFile(index, FileError(.noMemory, .send, path: send.file.path))
    }
    // They count as unsent already.
    send.offset += result
    guard send.left == 0 else { return }
    removeFirstFile(index)
    send.completion?(.done, send.end - send.start)
  }

  private func fail(_ send: FileSend, _ error: FileError) {
    guard let index = find(send.connection), fileSends[records[index].files] === send else { return }
    failFile(index, error)
  }

  /// Takes back what the first file waits for, if that is no poll: the send in flight is over then.
  /// - Returns: whether it was so.
  func withdrawFileRead(_ index: Int) -> Bool {
    guard let send = fileSends[records[index].files] else { return false }
    switch send.state {
    case .idle, .polling: return false
    case .reading(let key, _):
      // Its slot comes back with its completion, whenever that is.
      send.state = .idle
      loop.existingFiles?.cancel(key)
    case .awaitingSlot:
      send.state = .idle
      fileSends.line.removeAll { $0 === send }
    }
    _ = records[index].machine.sendCompleted(0)
    markDirty(index)
    return true
  }
}
