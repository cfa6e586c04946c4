/// Taking the contents and going on with an empty buffer.
extension PooledBuffer {
  /// The buffer with its bytes, as an owner of its own; what is left here is empty. No copy. For a buffer that is a
  /// property or a parameter, which ``finish(file:line:)`` cannot use up.
  ///
  /// - Parameter minimumCapacity: how many bytes the buffer that is left must have room for; the smallest slot unless told.
  /// - Returns: what was here, with its views: it need not be unlocked.
  /// - Throws: as ``BufferArena/allocate(minimumCapacity:)``; the buffer is then unchanged.
  public mutating func take(minimumCapacity: Int = 0) throws(BufferError) -> PooledBuffer {
    // Owners come from arenas only.
    guard let core = slot.home as? ArenaCore else { throw .closed }
    let fresh = PooledBuffer(adopting: try core.loan(minimumCapacity))
    let full = self
    self = fresh
    return full
  }
}
