internal import IOBuffers
internal import SystemPackage

/// What users ask of a connection. Loop thread only; nothing submits before the turn's end.
extension TCPEngine {
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
    guard place.record.machine.acceptsOutput else {
      view.releaseReader()
      return .refused
    }
    let count = Int(view.count)
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
    if place.record.sendQueue.isEmpty { return sendNodes.append(view, to: &place.record.sendQueue) }
    return enqueueBehind(view, on: Int(place.record.index))
  }

  @inline(never)
  private func enqueueBehind(_ view: DetachedView, on index: Int) -> Bool {
    if sendNodes.joinLast(view, of: records[index].sendQueue) { return true }
    var view = view
    if records[index].sendQueue.count >= gatherBacklog { gather(&view, on: index) }
    if sendNodes.joinLast(view, of: records[index].sendQueue) { return true }
    return sendNodes.append(view, to: &records[index].sendQueue)
  }

  /// Moves a small view of a long backlog out of the slot it pins. See `GatherSlot`.
  func gather(_ view: inout DetachedView, on index: Int) {
    let count = Int(view.count)
    guard count <= gatherSlotBytes / 4 else { return }
    if let copy = records[index].gather.absorb(view, from: arena, slotBytes: gatherSlotBytes) {
      view = copy
      counters.bytesCopiedOut.bump(by: UInt64(count))
    }
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

  /// The user took `count` bytes of what was waiting.
  @inline(__always)
  func tookUnread(_ index: Int, _ count: UInt32) {
    if records[index].machine.takeUnread(count) { markDirty(index) }
  }

  /// Graceful close: sends what is queued, then the FIN, discards what still comes, and closes when the peer has
  /// ended its side or its time is up.
  func close(_ index: Int) {
    guard !records[index].machine.flags.contains(.closing) else { return }
    records[index].machine.close()
    armTimer(index, .flush)
    markDirty(index)
  }

  /// Closes without sending what is queued.
  func abort(_ index: Int, _ kind: SocketError.Kind) {
    guard !records[index].machine.flags.contains(.aborting) else { return }
    fail(index, kind, .close)
    records[index].machine.abort()
    records[index].hasAbortNotice = true
    markDirty(index)
  }
}
