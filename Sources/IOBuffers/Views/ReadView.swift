/// A shared lock on a range of a buffer's bytes, and the way to read them.
///
/// While a read view is out, nobody can lend a write view of the same bytes, and the buffer cannot be resized, reused or
/// unmapped: the view pins it, also after the buffer's owner and its arena's last reference are gone. There can be many
/// readers at a time. This is the export of Python's buffer protocol (PEP 3118) with the lock modes that its drafts of
/// 2007 had.
///
/// A view is three words and owns nothing but its lock: taking, sharing, slicing and releasing one is one atomic
/// operation, without an allocation. It is released exactly once, by ``release()`` or at the end of its life,
/// and it may be passed to, and released on, any thread.
@frozen
@safe
public struct ReadView: ~Copyable, @unchecked Sendable {
  // Sound: its lock keeps header and bytes, nobody writes these meanwhile, and locks are atomic.
  @usableFromInline
  var base: UnsafeMutableRawPointer
  @usableFromInline
  let slot: Slot
  @usableFromInline
  var length: UInt32
  @usableFromInline
  let token: UInt32

  /// Adopts a reader lock that the caller has taken on `slot`.
  @inlinable
  init(adopting slot: Slot, _ base: UnsafeMutableRawPointer, _ length: UInt32, _ token: UInt32) {
    // Sound: `base` and `length` are within the slot: every caller says why.
    unsafe self.base = base
    self.slot = slot
    self.length = length
    self.token = token
  }

  @inlinable
  deinit {
    if token != 0 { slot.untrack(token) }
    slot.releaseReader()
  }

  /// The number of bytes.
  @inlinable
  public var count: Int { Int(truncatingIfNeeded: length) }

  /// Whether there are no bytes.
  @inlinable
  public var isEmpty: Bool { length == 0 }

  /// The bytes. Prefer ``withBytes(_:)``: in Swift 6.3 a `let` that has vended a span can no longer be consumed in the
  /// same scope, not even by ``release()``.
  @inlinable
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      // Sound: the bytes are there as long as this view, which the span borrows.
      unsafe _overrideLifetime(RawSpan(_unsafeStart: base, byteCount: count), borrowing: self)
    }
  }

  /// Calls `body` with the bytes.
  ///
  /// - Parameter body: reads the bytes; they cannot escape it.
  /// - Returns: what `body` returns.
  @inlinable
  public borrowing func withBytes<R: ~Copyable, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    // Sound: the bytes are there as long as this view, which is borrowed until `body` has returned; a span cannot
    // escape it.
    try unsafe body(RawSpan(_unsafeStart: base, byteCount: count))
  }

  /// Gives the lock back. The same as letting the view go out of scope, but visible in the code.
  @inlinable
  public consuming func release() {}

  /// The view without its destructor, for storage in kernel operations. See ``DetachedView``.
  @inlinable
  package consuming func detach() -> DetachedView {
    // Sound: the lock moves; this view has none any more.
    let detached = unsafe DetachedView(slot: slot, base: base, count: length, token: token)
    discard self
    return detached
  }

  /// The reader that was detached. Every detached view becomes a view again, or is released, exactly once.
  @inlinable
  package init(_ detached: DetachedView) {
    // Sound: the lock moves; that `detached` is not used again is its holder's word.
    unsafe self.init(adopting: detached.slot, detached.base, detached.count, detached.token)
  }
}
