/// Changing the size. All of it needs that no view is out.
extension PooledBuffer {
  /// Throws unless no view is out. The caller has exclusive access to the owner, so none can be lent meanwhile.
  @inlinable
  func requireUnlocked() throws(BufferError) {
    guard slot.lockWord.isUnlocked else { throw slot.refusal(of: .write) }
  }

  /// Grows or shrinks the buffer. New bytes are zero. Within ``capacity`` nothing moves; above, the bytes are copied to a
  /// larger slot of the same arena.
  ///
  /// - Parameter count: how many bytes the buffer is to hold.
  /// - Throws: ``BufferError/locked(_:)`` while any view is out; ``BufferError/negativeSize(_:)`` for a size below zero;
  ///   when it has to move, as ``BufferArena/allocate(minimumCapacity:)``. The buffer is then unchanged.
  public mutating func resize(to count: Int) throws(BufferError) {
    try reserve(count)
    if count > length {
      // Sound: `reserve` made room for `count` bytes, and no view is out.
      unsafe (slot.base + length).initializeMemory(as: UInt8.self, repeating: 0, count: count - length)
    }
    length = count
  }

  /// As ``resize(to:)``, after waiting until the last view is released.
  ///
  /// - Parameter count: how many bytes the buffer is to hold.
  /// - Throws: ``BufferError/cancelled`` when the task is cancelled while it waits; otherwise as ``resize(to:)``, except
  ///   ``BufferError/locked(_:)``.
  public mutating func resizeWhenUnlocked(to count: Int) async throws(BufferError) {
    guard count >= 0 else { throw .negativeSize(count) }
    if !slot.lockWord.isUnlocked {
      guard await slot.home.waitUntilUnlocked(slot) else { throw .cancelled }
    }
    try resize(to: count)
  }

  /// Makes room, so that the buffer can hold `capacity` bytes without moving.
  ///
  /// - Parameter capacity: how many bytes.
  /// - Throws: ``BufferError/locked(_:)`` while any view is out; ``BufferError/negativeSize(_:)`` for a size below zero;
  ///   when it has to move, as ``BufferArena/allocate(minimumCapacity:)``. The buffer is then unchanged.
  @inlinable
  public mutating func reserve(_ capacity: Int) throws(BufferError) {
    guard capacity >= 0 else { throw .negativeSize(capacity) }
    try requireUnlocked()
    if capacity > slot.capacity { try move(to: capacity) }
  }

  /// Forgets the bytes. The capacity stays.
  ///
  /// - Throws: ``BufferError/locked(_:)`` while any view is out.
  @inlinable
  public mutating func removeAll() throws(BufferError) {
    try requireUnlocked()
    length = 0
  }

  /// Copies the bytes to a larger slot. No view is out.
  @inline(never)
  @usableFromInline
  mutating func move(to capacity: Int) throws(BufferError) {
    // Owners come from arenas only.
    guard let core = slot.home as? ArenaCore else { throw .closed }
    let larger = try core.loan(capacity)
    // Sound: both slots are this owner's, and the new one is larger than the old, which has `length` bytes.
    unsafe larger.base.copyMemory(from: slot.base, byteCount: length)
    core.countMove(of: length)
    let old = slot
    slot = larger
    old.releaseOwner()
  }

  /// Makes room for `extra` bytes at the end and counts them in; the caller writes them.
  ///
  /// - Returns: where they start.
  @inlinable
  mutating func extend(by extra: Int) throws(BufferError) -> UnsafeMutableRawPointer {
    try requireUnlocked()
    if extra > slot.capacity &- length { try makeRoom(for: extra) }
    // Sound: room was made; no view is out, so nobody else looks at these bytes.
    let start = unsafe slot.base + length
    length &+= extra
    return unsafe start
  }

  /// Moves to a slot that has room for more than `extra`, if there is one, so that many small appends copy seldom.
  @inline(never)
  @usableFromInline
  mutating func makeRoom(for extra: Int) throws(BufferError) {
    let (needed, overflow) = length.addingReportingOverflow(extra)
    guard !overflow, needed <= BufferArena.largestBuffer else {
      throw .tooLarge(requested: overflow ? .max : needed, limit: BufferArena.largestBuffer)
    }
    let generous = max(needed, min(2 * slot.capacity, BufferArena.largestBuffer))
    do throws(BufferError) {
      try move(to: generous)
    } catch {
      guard generous > needed else { throw error }
      try move(to: needed)
    }
  }
}
