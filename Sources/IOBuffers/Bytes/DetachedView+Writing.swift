/// Writers that turn into readers bit by bit, for output that is being written.
extension DetachedView {
  /// A reader of the first `n` bytes of this writer, which goes on with what follows them: so no byte has both. One atomic
  /// operation. The writer has at most ``BufferArena/largestPosted`` bytes, and `n` is at least one, so that there is
  /// always room for one more reader in the lock word.
  func reader(ofFirst n: Int) -> DetachedView {
    precondition(n > 0 && n <= Int(count), "more bytes read than there are")
    slot.addFilledReader()
    // Sound: within this writer's bytes, as was just tested; under a lock of its own.
    return unsafe DetachedView(
      slot: slot,
      base: base,
      count: UInt32(truncatingIfNeeded: n),
      token: slot.isTracked ? slot.track(.read, bytes: n, file: #fileID, line: #line) : 0
    )
  }

  /// This writer, as a reader of its first `n` bytes; nil, and the lock is given back, if these are none. One atomic
  /// operation. This value must not be used any more.
  func endWriting(at n: Int) -> DetachedView? {
    precondition(n >= 0 && n <= Int(count), "more bytes read than there are")
    guard n > 0 else {
      releaseWriter()
      return nil
    }
    if token != 0 { slot.retrack(token, bytes: n) }
    slot.freezeWriter()
    // Sound: the lock was turned, and moves.
    return unsafe DetachedView(slot: slot, base: base, count: UInt32(truncatingIfNeeded: n), token: token)
  }
}
