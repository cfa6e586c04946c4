/// An exclusive lock on a range of a buffer's bytes, and the way to write them.
///
/// While a write view is out, its bytes have no other view, and the buffer cannot be resized, reused or unmapped. A
/// writer can be cut into writers of disjoint parts with ``split(at:file:line:)``, and turned into a reader with
/// ``freeze()``. It is released exactly once, by ``release()``, ``freeze()`` or at the end of its life, on any thread.
@frozen
@safe
public struct WriteView: ~Copyable, @unchecked Sendable {
  // Sound: its lock keeps header and bytes, no other view has these, and to write needs exclusive access to the view.
  @usableFromInline
  var base: UnsafeMutableRawPointer
  @usableFromInline
  let slot: Slot
  @usableFromInline
  var length: UInt32
  @usableFromInline
  let token: UInt32

  /// Adopts a writer lock that the caller has taken on `slot`.
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
    slot.releaseWriter()
  }

  /// The number of bytes.
  @inlinable
  public var count: Int { Int(truncatingIfNeeded: length) }

  /// Whether there are no bytes.
  @inlinable
  public var isEmpty: Bool { length == 0 }

  /// The bytes, to be read. Prefer ``withBytes(_:)``, see ``ReadView/bytes``.
  @inlinable
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      // Sound: the bytes are there as long as this view, which the span borrows: nobody writes meanwhile.
      unsafe _overrideLifetime(RawSpan(_unsafeStart: base, byteCount: count), borrowing: self)
    }
  }

  /// The bytes, to be written, as a span of the standard library; for code that takes one. Safe are ``subscript(_:)``,
  /// ``fill(_:with:)`` and the functions called `store`.
  ///
  /// Unsafe, because Swift 6.3 checks how long a mutable span lives only as long as its variable gets no other one. In
  /// `if isLate { span = unsafe other.unsafeMutableBytes }` nothing keeps `other` alive, and what it locked is written to
  /// after its release. The caller must see to it that the span, wherever it is assigned to, is gone before this view is.
  /// Spans for reading have no such gap.
  @unsafe
  @inlinable
  public var unsafeMutableBytes: MutableRawSpan {
    @_lifetime(&self)
    mutating get {
      // Sound: the same, with exclusive access; what the compiler does not check is the caller's word.
      unsafe _overrideLifetime(MutableRawSpan(_unsafeStart: base, byteCount: count), mutating: &self)
    }
  }

  /// Calls `body` with the bytes, to be read.
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

  /// Turns this writer into a reader of the same bytes: written once, then shared. One atomic operation; cannot fail.
  ///
  /// - Returns: the reader. Other writers of the same buffer, which a split made, go on writing their parts.
  @inlinable
  public consuming func freeze() -> ReadView {
    if token != 0 { slot.retrack(token, bytes: count) }
    slot.freezeWriter()
    // Sound: the lock was turned, and moves; this view has none any more.
    let reader = unsafe ReadView(adopting: slot, base, length, token)
    discard self
    return reader
  }

  /// The view without its destructor, for storage in kernel operations. See ``DetachedView``.
  @inlinable
  package consuming func detach() -> DetachedView {
    // Sound: the lock moves; this view has none any more.
    let detached = unsafe DetachedView(slot: slot, base: base, count: length, token: token)
    discard self
    return detached
  }

  /// The writer that was detached. Every detached view becomes a view again, or is released, exactly once.
  @inlinable
  package init(_ detached: DetachedView) {
    // Sound: the lock moves; that `detached` is not used again is its holder's word.
    unsafe self.init(adopting: detached.slot, detached.base, detached.count, detached.token)
  }
}
