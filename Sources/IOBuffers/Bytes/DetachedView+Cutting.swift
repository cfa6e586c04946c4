/// Parts of readers, for queues of them.
extension DetachedView {
  /// The bytes. The caller must see to it that the span is gone before the lock is.
  @unsafe
  @inlinable
  var span: RawSpan {
    @_lifetime(immortal)
    get {
      // Sound: the caller holds the lock while it uses the span.
      unsafe _overrideLifetime(RawSpan(_unsafeStart: base, byteCount: Int(count)), copying: ())
    }
  }

  /// Another reader, of the first `n` bytes, from a reader that has so many; nil if there are too many readers. One
  /// atomic operation.
  @inlinable
  func sharePrefix(_ n: Int, file: StaticString, line: UInt) -> DetachedView? {
    precondition(n >= 0 && n <= Int(count), "more bytes shared than there are")
    guard slot.addReader() else { return nil }
    let token = slot.isTracked ? slot.track(.read, bytes: n, file: file, line: line) : 0
    // Sound: within this view's range, as was just tested, under a lock of its own.
    return unsafe DetachedView(slot: slot, base: base, count: UInt32(truncatingIfNeeded: n), token: token)
  }
}
