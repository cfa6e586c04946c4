/// Owns memory and lends it: a pool of buffers that grows up to a limit.
///
/// Memory is mapped in segments, each cut into slots of one size. A slot that is lent is a ``PooledBuffer``; it comes home
/// when its owner and the last view of it are gone, from any thread, without a lock. Slots come from the fullest segments
/// first, so that others become idle and can make room for other sizes; in a segment the slot that came home last is lent
/// first, because its memory is warm. Growing maps another segment and never moves a byte.
///
/// An arena may be used from any thread. When the last reference goes, it closes itself; memory that is still lent stays
/// valid until it is given back.
public final class BufferArena: Sendable {
  let core: ArenaCore

  /// The largest buffer that any arena lends, in bytes.
  public static var largestBuffer: Int { Int(UInt32.max) }

  /// Creates an arena. Nothing is mapped until the first buffer is asked for.
  ///
  /// - Parameter configuration: limits and sizes. Values out of range are brought into it.
  /// - Throws: ``BufferError/mapFailed(errno:bytes:)`` if huge pages are required and there are none.
  public init(_ configuration: Configuration = .init()) throws(BufferError) {
    let normalized = configuration.normalized()
    if normalized.hugePages == .require {
      try Mapping.map(Platform.hugePageSize, .require).unmap()
    }
    core = ArenaCore(normalized)
  }

  init(core: ArenaCore) {
    self.core = core
  }

  deinit {
    core.close()
  }

  /// Lends an empty buffer.
  ///
  /// Takes the arena's lock for a moment; never waits for memory. At the limit, idle segments of other sizes are given
  /// back to make room, then a larger slot may serve.
  ///
  /// - Parameter minimumCapacity: how many bytes the buffer must have room for.
  /// - Returns: the buffer's owner. Its ``PooledBuffer/count`` is 0.
  /// - Throws: ``BufferError/limitReached(requested:mapped:limit:)``, ``BufferError/tooLarge(requested:limit:)``,
  ///   ``BufferError/mapFailed(errno:bytes:)``, ``BufferError/closed``, ``BufferError/forked``;
  ///   ``BufferError/negativeSize(_:)`` for a size below zero.
  public func allocate(minimumCapacity: Int) throws(BufferError) -> PooledBuffer {
    PooledBuffer(adopting: try core.loan(minimumCapacity))
  }

  /// Lends a buffer with a copy of the bytes.
  ///
  /// - Parameter bytes: what to copy.
  /// - Returns: the buffer's owner.
  /// - Throws: as ``allocate(minimumCapacity:)``.
  public func allocate(copying bytes: RawSpan) throws(BufferError) -> PooledBuffer {
    var buffer = try allocate(minimumCapacity: bytes.byteCount)
    try buffer.append(bytes)
    return buffer
  }

  /// Lends an empty buffer as soon as there is one: at the limit, waits until memory comes home. Whoever waited first is
  /// served first, except that one who wants a size that cannot be had does not hold up those who want less.
  ///
  /// - Parameter minimumCapacity: how many bytes the buffer must have room for.
  /// - Returns: the buffer's owner. Its ``PooledBuffer/count`` is 0.
  /// - Throws: ``BufferError/cancelled`` when the task is cancelled while it waits, ``BufferError/closed`` when the arena
  ///   is or gets closed, ``BufferError/limitReached(requested:mapped:limit:)`` when waiting cannot help because the
  ///   request is above the limit, ``BufferError/tooLarge(requested:limit:)``, ``BufferError/mapFailed(errno:bytes:)``,
  ///   ``BufferError/forked``, ``BufferError/negativeSize(_:)``.
  public func allocateWhenAvailable(minimumCapacity: Int) async throws(BufferError) -> PooledBuffer {
    PooledBuffer(adopting: try await core.loanWhenAvailable(minimumCapacity))
  }

  /// Gives idle segments back to the system.
  ///
  /// - Returns: how many bytes were given back.
  @discardableResult
  public func trim() -> Int {
    core.withState { state, _ in state.trimAll() }
  }

  /// What the arena has and does. Takes the arena's lock; with ``Diagnostics-swift.enum/counts`` and above it also visits every slot.
  public var statistics: Statistics {
    core.withState { state, _ in state.statistics() }
  }

  /// The views on record that are at least so old, oldest first, each with the size that it has now and the place where it
  /// was taken. Empty unless diagnostics record views.
  ///
  /// - Parameter age: the least age; without it, the configuration's ``Configuration/heldTooLongAfter``.
  /// - Returns: the views, including those that the kernel holds.
  public func holders(olderThan age: Duration? = nil) -> [Holder] {
    core.holders?.holders(olderThan: age ?? core.configuration.heldTooLongAfter ?? .zero) ?? []
  }
}
