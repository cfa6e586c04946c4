/// A view without its destructor, to be stored in structs, operation slots and closures.
///
/// It carries a lock that nothing gives back by itself: it must be turned into a ``ReadView`` or ``WriteView`` again, or
/// be released, exactly once. Whether it reads or writes is for the holder to remember. The same three words as a view.
@frozen
@safe
@usableFromInline
package struct DetachedView: BitwiseCopyable, @unchecked Sendable {
  // Sound: its lock keeps header and bytes; that it is used once is the rule of those who may have one (the package).
  @usableFromInline
  package let slot: Slot
  /// The first byte.
  @usableFromInline
  package var base: UnsafeMutableRawPointer
  /// The number of bytes.
  @usableFromInline
  package var count: UInt32
  /// The view's record in the diagnostics, or zero.
  @usableFromInline
  package var token: UInt32

  @inlinable
  init(slot: Slot, base: UnsafeMutableRawPointer, count: UInt32, token: UInt32) {
    self.slot = slot
    // Sound: `base` and `count` are within the slot: every caller says why.
    unsafe self.base = base
    self.count = count
    self.token = token
  }

  /// The header of the slot that the bytes are in.
  @inlinable
  package var header: UnsafeMutablePointer<SlotHeader> { unsafe slot.header }

  /// Gives a reader back.
  @inlinable
  package func releaseReader() {
    if token != 0 { slot.untrack(token) }
    slot.releaseReader()
  }

  /// Gives a writer back.
  @inlinable
  package func releaseWriter() {
    if token != 0 { slot.untrack(token) }
    slot.releaseWriter()
  }

  /// Drops the first `n` bytes, of which there must be so many. What a short send leaves is sent next.
  @inlinable
  package mutating func removePrefix(_ n: Int) {
    precondition(n >= 0 && n <= Int(count), "more bytes removed than there are")
    // Sound: not beyond the end, as was just tested.
    unsafe base += n
    count &-= UInt32(truncatingIfNeeded: n)
    if token != 0 { slot.noteSize(token, bytes: Int(count)) }
  }

  /// Whether `next` continues this view in the same slot without a gap.
  @inlinable
  package func isFollowed(by next: DetachedView) -> Bool {
    // Sound: compares addresses, follows none.
    unsafe slot.header == next.slot.header && base + Int(count) == next.base
  }

  /// Merges an adjacent reader into this one, and gives its lock back: of two readers one is left, with all the bytes.
  @inlinable
  package mutating func absorb(_ next: DetachedView) {
    precondition(isFollowed(by: next), "only adjacent views of one slot merge")
    // Both lie in one slot, which has at most UInt32.max bytes.
    count &+= next.count
    if token != 0 { slot.noteSize(token, bytes: Int(count)) }
    // Never the last one: self still holds its lock.
    next.releaseReader()
  }

  /// Another reader of the same bytes, from a reader; nil if there are too many.
  @inlinable
  package func shareReader(file: StaticString = #fileID, line: UInt = #line) -> DetachedView? {
    guard slot.addReader() else { return nil }
    let token = slot.isTracked ? slot.track(.read, bytes: Int(count), file: file, line: line) : 0
    // Sound: the same range under a lock of its own.
    return unsafe DetachedView(slot: slot, base: base, count: count, token: token)
  }
}
