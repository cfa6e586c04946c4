/// Having the end of a buffer written by somebody else: the kernel, which keeps a lock meanwhile.
extension PooledBuffer {
  /// Makes room for `extra` bytes behind those that there are, and locks it for writing.
  ///
  /// - Returns: the writer of just that room, which its holder gives back before it tells ``noteFilled(_:)``.
  /// - Throws: as ``reserve(_:)``; the buffer is then unchanged.
  package mutating func lendRoom(
    _ extra: Int,
    file: StaticString = #fileID,
    line: UInt = #line
  ) throws(BufferError) -> DetachedView {
    guard extra >= 0 else { throw .negativeSize(extra) }
    let (needed, overflow) = length.addingReportingOverflow(extra)
    guard !overflow, needed <= BufferArena.largestBuffer else {
      throw .tooLarge(requested: overflow ? .max : needed, limit: BufferArena.largestBuffer)
    }
    try reserve(needed)
    return try slot.lendWriteView(length..<needed, file: file, line: line).detach()
  }

  /// So many bytes of the room that was lent last have been written, from its start. The writer is back.
  ///
  /// - Parameter count: at most what was lent.
  /// - Throws: ``BufferError/locked(_:)`` while any view is out.
  package mutating func noteFilled(_ count: Int) throws(BufferError) {
    try requireUnlocked()
    guard count >= 0, count <= slot.capacity &- length else {
      throw .outOfBounds(range: length..<max(length, slot.capacity), count: count)
    }
    length &+= count
  }
}
