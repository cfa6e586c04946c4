internal import DequeModule

/// Taking bytes off the front.
extension ByteQueue {
  /// The first view as a whole: the next bytes that are contiguous in memory. Constant time, no copy.
  ///
  /// - Returns: the view, which is the caller's from here on; nil if the queue is empty.
  @inlinable
  public mutating func popFirst() -> ReadView? {
    guard let view = popFirstDetached() else { return nil }
    return ReadView(view)
  }

  /// Drops the first `n` bytes. Views that are then without bytes are released.
  ///
  /// - Parameter n: how many bytes, at most ``count``.
  /// - Throws: ``BufferError/outOfBounds(range:count:)``; the queue is then unchanged.
  @inlinable
  public mutating func removePrefix(_ n: Int) throws(BufferError) {
    guard n >= 0, n <= total else { throw .outOfBounds(at: n, 0, count: total) }
    drop(n)
  }

  /// Releases everything. The capacity for views stays.
  @inlinable
  public mutating func removeAll() {
    if total != 0 { releaseViews() }
  }

  /// The first `n` bytes as a queue of their own, without a copy: whole views move, and of the view that is cut both
  /// queues have a reader (one atomic operation). Allocates nothing if the bytes are in one view.
  ///
  /// - Parameters:
  ///   - n: how many bytes, at most ``count``.
  ///   - file: who asks, for the diagnostics.
  ///   - line: who asks, for the diagnostics.
  /// - Returns: the bytes; this queue keeps what follows.
  /// - Throws: ``BufferError/outOfBounds(range:count:)``, ``BufferError/tooManyViews``; the queue is then unchanged.
  @inlinable
  public mutating func takePrefix(
    _ n: Int,
    file: StaticString = #fileID,
    line: UInt = #line
  ) throws(BufferError) -> ByteQueue {
    guard n >= 0, n <= total else { throw .outOfBounds(at: n, 0, count: total) }
    if n == total { return take() }
    var taken = ByteQueue()
    guard let first = head, n <= Int(first.count) else {
      try takeViews(n, into: &taken, file: file, line: line)
      return taken
    }
    if n == Int(first.count) {
      if let view = popFirstDetached() { taken.append(view) }
    } else if n > 0 {
      guard let part = first.sharePrefix(n, file: file, line: line) else { throw .tooManyViews }
      taken.append(part)
      head?.removePrefix(n)
      total &-= n
    }
    return taken
  }

  /// Everything; this queue is empty afterwards. Constant time, no copy.
  @inlinable
  public mutating func take() -> ByteQueue {
    var all = ByteQueue()
    swap(&all, &self)
    return all
  }

  /// The first `n` bytes as one view. No copy if they are contiguous, which they are if the first view has so many;
  /// otherwise they are copied to one buffer of the arena.
  ///
  /// - Parameters:
  ///   - n: how many bytes, at most ``count``.
  ///   - arena: lends the buffer for a copy, and for an empty view of an empty queue.
  ///   - file: who asks, for the diagnostics.
  ///   - line: who asks, for the diagnostics.
  /// - Returns: the bytes; this queue keeps what follows.
  /// - Throws: ``BufferError/outOfBounds(range:count:)``, ``BufferError/tooManyViews``; if there must be a copy, as
  ///   ``BufferArena/allocate(minimumCapacity:)``. The queue is then unchanged.
  @inlinable
  public mutating func takeView(
    _ n: Int,
    from arena: BufferArena,
    file: StaticString = #fileID,
    line: UInt = #line
  ) throws(BufferError) -> ReadView {
    guard n >= 0, n <= total else { throw .outOfBounds(at: n, 0, count: total) }
    guard let first = head, n <= Int(first.count) else {
      let view = try gather(n, from: arena, file: file, line: line)
      drop(n)
      return view
    }
    if n == Int(first.count), let view = popFirstDetached() { return ReadView(view) }
    guard let part = first.sharePrefix(n, file: file, line: line) else { throw .tooManyViews }
    drop(n)
    return ReadView(part)
  }

  /// All bytes as one view. No copy if they are contiguous; otherwise they are copied to one buffer of the arena.
  ///
  /// - Parameters:
  ///   - arena: lends the buffer for a copy, and for an empty view of an empty queue.
  ///   - file: who asks, for the diagnostics.
  ///   - line: who asks, for the diagnostics.
  /// - Returns: the bytes.
  /// - Throws: as ``takeView(_:from:file:line:)``, except that the queue is then gone with its views. Use that one, or
  ///   ``joinPrefix(_:from:file:line:)``, where the bytes must survive an arena that is dry.
  @inlinable
  public consuming func joined(
    from arena: BufferArena,
    file: StaticString = #fileID,
    line: UInt = #line
  ) throws(BufferError) -> ReadView {
    var all = self
    return try all.takeView(all.count, from: arena, file: file, line: line)
  }

  /// Makes the first `n` bytes contiguous in memory, so that ``withFirstBytes(_:)`` shows all of them: if they are not, they
  /// are copied to one buffer of the arena, and the views that they were in are released.
  ///
  /// - Parameters:
  ///   - n: how many bytes, at most ``count``.
  ///   - arena: lends the buffer for a copy.
  ///   - file: who asks, for the diagnostics.
  ///   - line: who asks, for the diagnostics.
  /// - Throws: ``BufferError/outOfBounds(range:count:)``; if there must be a copy, as
  ///   ``BufferArena/allocate(minimumCapacity:)``. The queue is then unchanged.
  public mutating func joinPrefix(
    _ n: Int,
    from arena: BufferArena,
    file: StaticString = #fileID,
    line: UInt = #line
  ) throws(BufferError) {
    guard n >= 0, n <= total else { throw .outOfBounds(at: n, 0, count: total) }
    guard let first = head, n > Int(first.count) else { return }
    let view = try gather(n, from: arena, file: file, line: line)
    drop(n)
    if let next = head { rest?.prepend(next) }
    head = view.detach()
    total += n
  }

  /// Drops the first `n` bytes, of which there must be so many.
  @inlinable
  mutating func drop(_ n: Int) {
    guard let first = head else { return }
    if n < Int(first.count) {
      head?.removePrefix(n)
      total &-= n
    } else {
      dropViews(n)
    }
  }

  @inline(never)
  @usableFromInline
  mutating func dropViews(_ n: Int) {
    var left = n
    while left > 0, let first = head {
      if left < Int(first.count) {
        head?.removePrefix(left)
        total -= left
        return
      }
      left -= Int(first.count)
      popFirstDetached()?.releaseReader()
    }
  }

  /// The slow part of `takePrefix`: fewer bytes than there are, more than the first view has.
  @inline(never)
  @usableFromInline
  mutating func takeViews(
    _ n: Int,
    into taken: inout ByteQueue,
    file: StaticString,
    line: UInt
  ) throws(BufferError) {
    let cut = locate(n)
    var part: DetachedView?
    if n > cut.start, let view = view(at: cut.place) {
      // First, because only this can fail.
      part = view.sharePrefix(n - cut.start, file: file, line: line)
      guard part != nil else { throw .tooManyViews }
    }
    for _ in 0..<cut.place {
      if let view = popFirstDetached() { taken.append(view) }
    }
    guard let part else { return }
    taken.append(part)
    drop(n - cut.start)
  }

  /// A copy of the first `n` bytes, of which there must be so many, in one buffer.
  @inline(never)
  @usableFromInline
  borrowing func gather(
    _ n: Int,
    from arena: BufferArena,
    file: StaticString,
    line: UInt
  ) throws(BufferError) -> ReadView {
    var buffer = try arena.allocate(minimumCapacity: n)
    try forEachPart(0..<n) { (part) throws(BufferError) in try buffer.append(part) }
    return try buffer.finish(file: file, line: line)
  }
}
