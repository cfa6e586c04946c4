/// More views of the same bytes, and views of fewer.
extension ReadView {
  /// Another reader of the same bytes. One atomic operation.
  ///
  /// - Throws: ``BufferError/tooManyViews``.
  @inlinable
  public borrowing func share(
    file: StaticString = #fileID,
    line: UInt = #line
  ) throws(BufferError) -> ReadView {
    guard slot.addReader() else { throw .tooManyViews }
    let token = slot.isTracked ? slot.track(.read, bytes: count, file: file, line: line) : 0
    // Sound: the same range under a lock of its own.
    return unsafe ReadView(adopting: slot, base, length, token)
  }

  /// Another reader, of a part of the bytes. One atomic operation.
  ///
  /// - Parameters:
  ///   - range: offsets into this view.
  ///   - file: who asks, for the diagnostics.
  ///   - line: who asks, for the diagnostics.
  /// - Throws: ``BufferError/outOfBounds(range:count:)``, ``BufferError/tooManyViews``.
  @inlinable
  public borrowing func slice(
    _ range: Range<Int>,
    file: StaticString = #fileID,
    line: UInt = #line
  ) throws(BufferError) -> ReadView {
    guard range.lowerBound >= 0, range.upperBound <= count else { throw .outOfBounds(range: range, count: count) }
    guard slot.addReader() else { throw .tooManyViews }
    let token = slot.isTracked ? slot.track(.read, bytes: range.count, file: file, line: line) : 0
    // Sound: within this view's range, as was tested, under a lock of its own.
    return unsafe ReadView(
      adopting: slot,
      base + range.lowerBound,
      UInt32(truncatingIfNeeded: range.upperBound &- range.lowerBound),
      token
    )
  }

  /// Cuts this view in two: it keeps the bytes before `offset`, and the result has the rest. One atomic operation.
  ///
  /// - Parameters:
  ///   - offset: where to cut, from 0 through ``count``.
  ///   - file: who asks, for the diagnostics.
  ///   - line: who asks, for the diagnostics.
  /// - Throws: ``BufferError/outOfBounds(range:count:)``, ``BufferError/tooManyViews``; this view is then unchanged.
  @inlinable
  public mutating func split(
    at offset: Int,
    file: StaticString = #fileID,
    line: UInt = #line
  ) throws(BufferError) -> ReadView {
    guard offset >= 0, offset <= count else { throw .outOfBounds(at: offset, 0, count: count) }
    let rest = try slice(offset..<count, file: file, line: line)
    length = UInt32(truncatingIfNeeded: offset)
    if token != 0 { slot.noteSize(token, bytes: offset) }
    return rest
  }

  /// Drops the first `n` bytes from this view. The lock stays on the whole buffer; nothing atomic happens.
  ///
  /// - Parameter n: how many bytes, at most ``count``.
  /// - Throws: ``BufferError/outOfBounds(range:count:)``; this view is then unchanged.
  @inlinable
  public mutating func removePrefix(_ n: Int) throws(BufferError) {
    guard n >= 0, n <= count else { throw .outOfBounds(at: n, 0, count: count) }
    // Sound: not beyond the end, as was just tested.
    unsafe base += n
    length &-= UInt32(truncatingIfNeeded: n)
    if token != 0 { slot.noteSize(token, bytes: count) }
  }

  /// Drops all bytes outside of `range` from this view. The lock stays on the whole buffer; nothing atomic happens.
  ///
  /// - Parameter range: offsets into this view.
  /// - Throws: ``BufferError/outOfBounds(range:count:)``; this view is then unchanged.
  @inlinable
  public mutating func narrow(to range: Range<Int>) throws(BufferError) {
    guard range.lowerBound >= 0, range.upperBound <= count else { throw .outOfBounds(range: range, count: count) }
    // Sound: within the range, as was just tested.
    unsafe base += range.lowerBound
    length = UInt32(truncatingIfNeeded: range.upperBound &- range.lowerBound)
    if token != 0 { slot.noteSize(token, bytes: count) }
  }
}
