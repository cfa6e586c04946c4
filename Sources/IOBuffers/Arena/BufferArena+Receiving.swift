/// Memory that a call fills, and that somebody is charged for.
extension BufferArena {
  /// A slot of its own for what `body` writes: a reader without an owner, so that the slot goes home with its last view. The
  /// account is charged as for a copy. Never waits.
  ///
  /// - Parameters:
  ///   - count: how many bytes `body` may write.
  ///   - account: who is charged; an open account.
  ///   - file: who asks, for the diagnostics.
  ///   - line: who asks, for the diagnostics.
  ///   - body: writes from the first byte on, and returns how many; none or fewer: the slot goes home at once.
  /// - Returns: nil if there is no slot, or no such account, or the arena is closed: `body` was not called. Otherwise the reader, nil where
  ///   `body` wrote nothing.
  package func fill(
    _ count: Int,
    chargedTo account: UInt32,
    file: StaticString = #fileID,
    line: UInt = #line,
    _ body: (UnsafeMutableRawBufferPointer) -> Int
  ) -> DetachedView?? {
    guard count > 0, count <= BufferArena.largestBuffer, let slot = core.takeForCopy(count, chargedTo: account) else {
      return nil
    }
    // Nobody else has seen the slot yet, so that its reader may still write.
    // Sound: the slot has at least `count` bytes and is this function's alone.
    if slot.isSanitized { unsafe slot.unpoison(slot.base, count) }
    let written = unsafe body(UnsafeMutableRawBufferPointer(start: slot.base, count: count))
    precondition(written <= count, "more was written than there is room for")
    let bytes = UInt32(truncatingIfNeeded: max(0, written))
    let token = slot.isTracked ? slot.track(.read, bytes: Int(bytes), file: file, line: line) : 0
    let view = unsafe DetachedView(slot: slot, base: slot.base, count: bytes, token: token)
    guard written > 0 else {
      view.releaseReader()
      return .some(nil)
    }
    return view
  }
}
