/// The owner of memory that some other library allocated, lent under the same locks as the memory of an arena.
///
/// A mapped file, a frame of a camera, an array that outlives its use: whoever has memory can lend views of it without a
/// copy. Its size is fixed.
@safe
@frozen
public struct ForeignBuffer: ~Copyable, @unchecked Sendable {
  // Sound: it has its slot alone, as a value that is not copied; views are lent by atomic operations.
  @usableFromInline
  let slot: Slot

  /// Adopts memory.
  ///
  /// - Parameters:
  ///   - bytes: the memory. Nobody else may use it in any way until `onRelease` is called; it must be readable, and, if
  ///     write views are to be taken, writable. At most ``BufferArena/largestBuffer`` bytes.
  ///   - diagnostics: what to record about its views. Nothing, unless told.
  ///   - onRelease: called once, when this owner and the last view are gone, on the thread where that happens: at once,
  ///     or, where that thread is an event loop's, at the end of the loop's turn. Frees the memory, or gives it back to
  ///     where it came from.
  /// - Throws: ``BufferError/tooLarge(requested:limit:)``; `onRelease` is then not called.
  @unsafe
  public init(
    adopting bytes: UnsafeMutableRawBufferPointer,
    diagnostics: BufferArena.Diagnostics = .off,
    onRelease: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void
  ) throws(BufferError) {
    // Sound: the caller's word, see above.
    slot = try unsafe ForeignMemory.adopt(bytes, diagnostics: diagnostics, onRelease: onRelease)
  }

  @inlinable
  deinit {
    slot.releaseOwner()
  }

  /// The number of bytes.
  @inlinable
  public var count: Int { slot.capacity }
}

extension ForeignBuffer: BufferExporter {
  /// Lends a reader of all bytes. One atomic operation.
  ///
  /// - Returns: the view; it stays valid when this owner goes.
  /// - Throws: ``BufferError/locked(_:)`` if a writer is out, ``BufferError/tooManyViews``.
  @inlinable
  public borrowing func readView(
    file: StaticString = #fileID,
    line: UInt = #line
  ) throws(BufferError) -> ReadView {
    try slot.lendReadView(0..<count, file: file, line: line)
  }

  /// Lends a reader of a part of the bytes. One atomic operation.
  ///
  /// - Parameters:
  ///   - range: offsets within 0..<``count``.
  ///   - file: who asks, for the diagnostics.
  ///   - line: who asks, for the diagnostics.
  /// - Returns: the view; it stays valid when this owner goes.
  /// - Throws: ``BufferError/locked(_:)`` if a writer is out, ``BufferError/outOfBounds(range:count:)``,
  ///   ``BufferError/tooManyViews``.
  @inlinable
  public borrowing func readView(
    of range: Range<Int>,
    file: StaticString = #fileID,
    line: UInt = #line
  ) throws(BufferError) -> ReadView {
    guard range.lowerBound >= 0, range.upperBound <= count else { throw .outOfBounds(range: range, count: count) }
    return try slot.lendReadView(range, file: file, line: line)
  }

  /// Lends the writer of all bytes. One atomic operation.
  ///
  /// - Returns: the view; it stays valid when this owner goes.
  /// - Throws: ``BufferError/locked(_:)`` if any view is out.
  @inlinable
  public borrowing func writeView(
    file: StaticString = #fileID,
    line: UInt = #line
  ) throws(BufferError) -> WriteView {
    try slot.lendWriteView(0..<count, file: file, line: line)
  }

  /// Lends the writer of a part of the bytes. One atomic operation.
  ///
  /// - Parameters:
  ///   - range: offsets within 0..<``count``.
  ///   - file: who asks, for the diagnostics.
  ///   - line: who asks, for the diagnostics.
  /// - Returns: the view; it stays valid when this owner goes.
  /// - Throws: ``BufferError/locked(_:)`` if any view is out, ``BufferError/outOfBounds(range:count:)``.
  @inlinable
  public borrowing func writeView(
    of range: Range<Int>,
    file: StaticString = #fileID,
    line: UInt = #line
  ) throws(BufferError) -> WriteView {
    guard range.lowerBound >= 0, range.upperBound <= count else { throw .outOfBounds(range: range, count: count) }
    return try slot.lendWriteView(range, file: file, line: line)
  }
}
