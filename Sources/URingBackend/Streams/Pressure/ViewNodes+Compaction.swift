internal import IOBuffers

/// What a queue holds, and in which slots.
struct QueuePins {
  /// Bytes of the queue's views.
  var bytes = 0
  /// Bytes of the slots that they keep from being reused.
  var slotBytes = 0

  static func += (left: inout QueuePins, right: QueuePins) {
    left.bytes += right.bytes
    left.slotBytes += right.slotBytes
  }
}

extension ViewNodes {
  /// What the views of a queue that are in slots of `arena` hold and pin. Neighbours in one slot count it once.
  func pins(_ queue: ViewQueue, of arena: BufferArena) -> QueuePins {
    var pins = QueuePins()
    var last: UnsafeMutablePointer<SlotHeader>?
    forEach(queue) { view in
      guard arena.owns(view) else { return }
      pins.bytes += Int(view.count)
      // Addresses are compared, and not followed.
      if unsafe last != view.header { pins.slotBytes += view.slot.capacity }
      unsafe last = view.header
    }
    return pins
  }

  /// Moves the bytes of views in slots of `source` into slots of `target` that fit, several views together. The order of
  /// bytes stays. Where there is no memory for it, views stay as they are.
  ///
  /// - Returns: how many bytes were copied.
  func compact(
    _ queue: inout ViewQueue,
    from source: BufferArena,
    into target: BufferArena,
    account: UInt32
  ) -> Int {
    var rest = ViewQueue()
    swap(&rest, &queue)
    var run: [DetachedView] = []
    var runBytes = 0
    var copied = 0
    func finishRun() {
      defer { (run, runBytes) = ([], 0) }
      let pieces = pieces(of: run, bytes: runBytes, into: target, account: account)
      if !pieces.isEmpty {
        copied += runBytes
        for view in run { view.releaseReader() }
      }
      for view in pieces.isEmpty ? run : pieces { append(back: view, to: &queue) }
    }
    while let view = popFirst(&rest) {
      let fits = source.owns(view) && Int(view.count) < view.slot.capacity
      if !fits || runBytes + Int(view.count) > MemoryPlan.copySizes[MemoryPlan.copySizes.count - 1] { finishRun() }
      if fits {
        run.append(view)
        runBytes += Int(view.count)
      } else {
        append(back: view, to: &queue)
      }
    }
    finishRun()
    return copied
  }

  /// Copies of views, one behind the other, in slots that they fill for the most part; none if there is no memory for all of it.
  private func pieces(of run: [DetachedView], bytes: Int, into target: BufferArena, account: UInt32) -> [DetachedView] {
    var pieces: [DetachedView] = []
    var done = 0
    while done < bytes {
      let end = done + MemoryPlan.firstPiece(of: bytes - done)
      guard let piece = target.copy(done..<end, ofJoined: run, chargedTo: account) else { break }
      pieces.append(piece)
      done = end
    }
    // The nodes of the run are free; its pieces may be more.
    guard done == bytes, hasRoom(for: pieces.count) else {
      for piece in pieces { piece.releaseReader() }
      return []
    }
    return pieces
  }

  /// Puts back what was taken out a moment ago: there is a node for it.
  private func append(back view: DetachedView, to queue: inout ViewQueue) {
    let isThere = append(view, to: &queue)
    assert(isThere, "the node that the view came from is free")
  }
}
