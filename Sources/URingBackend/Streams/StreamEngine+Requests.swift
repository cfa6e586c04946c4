internal import IOBuffers
internal import SystemPackage

/// What users ask of a connection. Loop thread only; nothing submits before the turn's end.
extension StreamEngine {
  /// What became of a view that was handed over for sending.
  enum SendOutcome {
    case queued
    /// Queued, and the caller should wait: more than the high-water mark is unsent.
    case aboveHighWater
    case refused
  }

  /// Queues a view; the queue owns it from now on, and gives it back when the kernel has sent it or the connection
  /// breaks. A refused view is released.
  @inline(__always)
  func send(_ view: DetachedView, on index: Int) -> SendOutcome {
    send(view, on: records.place(index))
  }

  @inline(__always)
  func send(_ view: DetachedView, on place: Place) -> SendOutcome {
    let count = Int(view.count)
    guard place.record.machine.acceptsOutput else {
      place.record.machine.refuseUnsent(count)
      view.releaseReader()
      return .refused
    }
    guard count > 0 else {
      view.releaseReader()
      return .queued
    }
    guard enqueue(view, on: place) else {
      view.releaseReader()
      fail(Int(place.record.index), .system(.noMemory), .send)
      return .refused
    }
    place.record.machine.queueUnsent(count)
    markDirty(place)
    return place.record.machine.isAboveHighWater ? .aboveHighWater : .queued
  }

  @inline(__always)
  private func enqueue(_ view: DetachedView, on place: Place) -> Bool {
    if place.record.sendQueue.isEmpty, place.record.files == FileSends.none {
      if planted(.releasesAtSubmission) { view.releaseReader() }
      return sendNodes.append(view, to: &place.record.sendQueue)
    }
    return enqueueBehind(view, on: Int(place.record.index))
  }

  @inline(never)
  private func enqueueBehind(_ view: DetachedView, on index: Int) -> Bool {
    if records[index].files != FileSends.none { return enqueue(view, behindFilesOf: index) }
    if sendNodes.joinLast(view, of: records[index].sendQueue) { return true }
    if planted(.releasesAtSubmission) { view.releaseReader() }
    return sendNodes.append(view, to: &records[index].sendQueue)
  }

  /// Half-close: a FIN follows what is queued.
  func endOutput(_ index: Int) {
    records[index].machine.endOutput()
    markDirty(index)
  }

  func pauseInput(_ index: Int, _ paused: Bool) {
    records[index].machine.pauseInput(paused)
    markDirty(index)
  }

  /// The sink names other memory for what comes next, or none any more.
  func exchangeReceive(_ index: Int) {
    records[index].machine.exchangeReceive()
    records[index].waitingSince = 0
    markDirty(index)
  }

  /// Whether the kernel may write to the user's own memory right now.
  func holdsTarget(_ index: Int) -> Bool {
    records[index].machine.flags.contains(.receiveArmed) && records[index].receiveKind == .receiveInto
  }

  /// The user took `count` bytes of what was waiting.
  @inline(__always)
  func tookUnread(_ index: Int, _ count: UInt32) {
    if records[index].machine.takeUnread(count) { markDirty(index) }
  }

  /// Graceful close: sends what is queued, then the FIN, discards what still comes, and closes when the peer has
  /// ended its side or its time is up. Who waits for bytes is told at once.
  func close(_ index: Int) {
    guard records[index].machine.flags.isDisjoint(with: [.closing, .closeSubmitted, .closed]) else { return }
    records[index].machine.close()
    records[index].hasEndNotice = true
    // With nothing queued the FIN, or the close, comes with this turn.
    if records[index].machine.unsent > 0 { armTimer(index, .flush) }
    markDirty(index)
  }

  /// Gives the connection up: closes without sending what is queued.
  ///
  /// The peer sees a reset when bytes were dropped, or when `kind` says that the stream is not complete: the user gave it up
  /// (`.closed`), or its time to send was up. A connection that was idle, or that a server closes when it stops, and
  /// that owes nothing, ends with a FIN.
  func abort(_ index: Int, _ kind: SocketError.Kind) {
    if planted(.keepsEndNotice), records[index].machine.isOver { records[index].hasEndNotice = true }
    guard !records[index].machine.isOver, !records[index].machine.flags.contains(.aborting) else { return }
    fail(index, kind, .close)
    let owesNothing = kind == .idle || kind == .shuttingDown
    if kind != .closed, kind != .shuttingDown { counters.connectionsGivenUp.bump() }
    records[index].machine.abort(resets: !owesNothing)
    records[index].hasEndNotice = true
    markDirty(index)
  }
}
