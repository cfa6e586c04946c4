/// Writers of disjoint parts.
extension WriteView {
  /// Cuts this view in two: it keeps the bytes before `offset`, and the result has the rest. Both may be written at the
  /// same time, on different threads, because they have no byte in common. One atomic operation.
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
  ) throws(BufferError) -> WriteView {
    guard offset >= 0, offset <= count else { throw .outOfBounds(at: offset, 0, count: count) }
    guard slot.addWriter() else { throw .tooManyViews }
    let restToken = slot.isTracked ? slot.track(.write, bytes: count &- offset, file: file, line: line) : 0
    // Sound: from `offset`, which is within the range, under a lock of its own; this view ends there.
    let rest = unsafe WriteView(adopting: slot, base + offset, length &- UInt32(truncatingIfNeeded: offset), restToken)
    length = UInt32(truncatingIfNeeded: offset)
    if token != 0 { slot.noteSize(token, bytes: offset) }
    return rest
  }
}
