/// Lending views: the export of the buffer protocol.
extension PooledBuffer {
  /// Lends a reader of all bytes. One atomic operation.
  ///
  /// - Returns: the view; it stays valid when this owner goes.
  /// - Throws: ``BufferError/locked(_:)`` if a writer is out, ``BufferError/tooManyViews``.
  @inlinable
  public borrowing func readView(
    file: StaticString = #fileID,
    line: UInt = #line
  ) throws(BufferError) -> ReadView {
    try slot.lendReadView(0..<length, file: file, line: line)
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
    guard range.lowerBound >= 0, range.upperBound <= length else { throw .outOfBounds(range: range, count: length) }
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
    try slot.lendWriteView(0..<length, file: file, line: line)
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
    guard range.lowerBound >= 0, range.upperBound <= length else { throw .outOfBounds(range: range, count: length) }
    return try slot.lendWriteView(range, file: file, line: line)
  }
}

extension Slot {
  /// Locks for a reader on behalf of the owner. The range is within the slot.
  @inlinable
  func lendReadView(_ range: Range<Int>, file: StaticString, line: UInt) throws(BufferError) -> ReadView {
    guard lendReader() else { throw refusal(of: .read) }
    let token = isTracked ? track(.read, bytes: range.count, file: file, line: line) : 0
    // Sound: the range is within the slot, as the callers tested, under the lock that was just taken.
    return unsafe ReadView(
      adopting: self,
      base + range.lowerBound,
      UInt32(truncatingIfNeeded: range.upperBound &- range.lowerBound),
      token
    )
  }

  /// Locks for a writer on behalf of the owner. The range is within the slot.
  @inlinable
  func lendWriteView(_ range: Range<Int>, file: StaticString, line: UInt) throws(BufferError) -> WriteView {
    guard lendWriter() else { throw refusal(of: .write) }
    let token = isTracked ? track(.write, bytes: range.count, file: file, line: line) : 0
    // Sound: the range is within the slot, as the callers tested, under the lock that was just taken.
    return unsafe WriteView(
      adopting: self,
      base + range.lowerBound,
      UInt32(truncatingIfNeeded: range.upperBound &- range.lowerBound),
      token
    )
  }
}
