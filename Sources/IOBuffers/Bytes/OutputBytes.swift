public import DequeModule

/// Bytes that are being written, to be sent: appended to pooled memory of an arena, with views passed through in between.
///
/// What is appended goes into a *chunk*, a slot of the arena. A full chunk is followed by another one and never copied to
/// a larger one, so that what ``finish(keepingCapacity:)`` gives is as many read views as there are chunks (and views that
/// were passed through), which one vectored send takes. A small reply is one view of one slot. Nothing is allocated but
/// chunks, and, from the second view on, the list of views. Memory is taken with the first byte: an empty output holds
/// nothing.
///
/// Each function that throws a ``BufferError`` has then added nothing, and everything appended before is still there: send
/// it, or wait for memory, and append again. The errors are those of ``BufferArena/allocate(minimumCapacity:)``.
///
/// It owns its memory and views, and gives them back at the end of its life. One thread at a time may use it, any thread.
@safe
@frozen
public struct OutputBytes: ~Copyable, @unchecked Sendable {
  // Sound: `place` is in `chunk`, whose lock the output holds alone, as a value that is not copied.
  /// Where the next byte goes; nil without room.
  @usableFromInline
  var place: UnsafeMutableRawPointer?
  /// How many bytes there is room for at `place`.
  @usableFromInline
  var room: Int
  /// How many bytes are written in front of `place` and not yet among `done`.
  @usableFromInline
  var written: Int
  /// The writer of the chunk's bytes from the first one that is not among `done`.
  @usableFromInline
  var chunk: DetachedView?
  /// Writers of further chunks, all of them empty; nil until there has been one.
  @usableFromInline
  var spares: Deque<DetachedView>?
  /// How many bytes the spares have room for.
  @usableFromInline
  var spareRoom: Int
  /// What was written before, in order.
  @usableFromInline
  var done: ByteQueue
  /// Where the memory comes from.
  public let arena: BufferArena
  /// The size of a chunk in bytes, at least; slots of the arena may be larger, and then all of the slot is used.
  public let chunkBytes: Int

  /// The size, in bytes, from which a piece of more than one chunk gets a chunk of this size.
  static var largeChunkBytes: Int { 65_536 }

  /// Views of so many bytes or fewer are copied where the chunk has room for them, see ``append(_:)-(ReadView)``.
  public static var copiedViewBytes: Int { 256 }

  /// Creates an empty output. Takes no memory yet.
  ///
  /// - Parameters:
  ///   - arena: where the memory comes from.
  ///   - chunkBytes: the size of a chunk in bytes, at least; 4096 unless told. The most that one small reply pins. Brought
  ///     into 64...64 MiB.
  @inlinable
  public init(arena: BufferArena, chunkBytes: Int = 4096) {
    self.arena = arena
    self.chunkBytes = min(max(chunkBytes, 64), 64 << 20)
    unsafe place = nil
    room = 0
    written = 0
    chunk = nil
    spares = nil
    spareRoom = 0
    done = ByteQueue()
  }

  deinit {
    // The writers only: `done` releases its own.
    chunk?.releaseWriter()
    if let spares {
      for spare in spares { spare.releaseWriter() }
    }
  }

  /// The number of bytes that ``finish(keepingCapacity:)`` would give.
  @inlinable
  public var count: Int { done.count &+ written }

  /// Whether there are no bytes.
  @inlinable
  public var isEmpty: Bool { count == 0 }

  /// Everything that was appended; the output is then empty and can be used again. No copy.
  ///
  /// - Parameter keepingCapacity: whether to keep what is left of the last chunk for what is appended next, so that many
  ///   small replies share a slot. The slot is then not at home before the output is done with it, and before the last of
  ///   those replies is released. Otherwise, and unless told, an empty output holds no memory.
  /// - Returns: the bytes, as read views.
  public mutating func finish(keepingCapacity: Bool = false) -> ByteQueue {
    seal(keepingRoom: keepingCapacity)
    if !keepingCapacity { releaseSpares() }
    return done.take()
  }

  /// Forgets and releases everything, memory included.
  public mutating func removeAll() {
    done.removeAll()
    forgetChunk()?.releaseWriter()
    releaseSpares()
  }

  /// Takes memory, so that the next `n` bytes can be appended without an error, by as many calls as it takes.
  ///
  /// - Parameter n: how many bytes.
  /// - Throws: ``BufferError/negativeSize(_:)``; as ``BufferArena/allocate(minimumCapacity:)``, and then no memory was taken.
  @inlinable
  public mutating func reserve(_ n: Int) throws(BufferError) {
    if n < 0 || n > room { try reserveChunks(n) }
  }

  /// Makes room for `n` bytes in all, in further chunks.
  @inline(never)
  @usableFromInline
  mutating func reserveChunks(_ n: Int) throws(BufferError) {
    guard n >= 0 else { throw .negativeSize(n) }
    if room > 0 || spareRoom > 0 {
      try reserveSpares(n)
      if room == 0 { nextChunk() }
      return
    }
    // The common case, without a list of spares.
    start(try loanChunk(for: n))
    guard n > room else { return }
    do throws(BufferError) {
      try reserveSpares(n)
    } catch {
      forgetChunk()?.releaseWriter()
      throw error
    }
  }

  /// Takes as many spares as `n` bytes need in all.
  private mutating func reserveSpares(_ n: Int) throws(BufferError) {
    let before = spares?.count ?? 0
    while n - room > spareRoom {
      do throws(BufferError) {
        let spare = try loanChunk(for: n - room - spareRoom)
        if case .none = spares { spares = Deque(minimumCapacity: 2) }
        spares?.append(spare)
        spareRoom += Int(spare.count)
      } catch {
        // What is needed cannot be had: leave what could to others.
        while (spares?.count ?? 0) > before, let spare = spares?.popLast() {
          spareRoom -= Int(spare.count)
          spare.releaseWriter()
        }
        throw error
      }
    }
  }

  /// The writer of a slot for a chunk, on the way to so many bytes.
  private borrowing func loanChunk(for missing: Int) throws(BufferError) -> DetachedView {
    try loanChunk(max(chunkBytes, min(missing, Self.largeChunkBytes)))
  }

  /// The writer of a slot of at least so many bytes.
  borrowing func loanChunk(_ bytes: Int) throws(BufferError) -> DetachedView {
    guard bytes <= BufferArena.largestPosted else {
      throw .tooLarge(requested: bytes, limit: BufferArena.largestPosted)
    }
    let slot = try arena.core.loan(bytes)
    // Nobody else has seen the slot yet: the owner that it was lent to becomes its writer.
    slot.setLockWord(LockWord.oneWriter)
    let capacity = min(slot.capacity, BufferArena.largestPosted)
    // Sound: the one writer of the slot, which was lent for it.
    return unsafe DetachedView(
      slot: slot,
      base: slot.base,
      count: UInt32(truncatingIfNeeded: capacity),
      token: slot.isTracked ? slot.track(.write, bytes: capacity, file: #fileID, line: #line) : 0
    )
  }

  /// Goes on in another chunk. What is written in this one is put among `done`, and its room is lost.
  mutating func start(_ next: DetachedView) {
    seal(keepingRoom: false)
    chunk = next
    unsafe place = next.base
    room = Int(next.count)
  }

  /// Goes on in the next spare chunk, of which there must be one.
  @inline(never)
  @usableFromInline
  mutating func nextChunk() {
    guard let next = spares?.popFirst() else { return }
    spareRoom -= Int(next.count)
    start(next)
  }

  /// Puts what is written in the chunk among `done`.
  @usableFromInline
  mutating func seal(keepingRoom: Bool) {
    guard let current = chunk else { return }
    guard keepingRoom, room > 0 else {
      let count = written
      if let view = forgetChunk()?.endWriting(at: count) { done.append(view) }
      return
    }
    guard written > 0 else { return }
    done.append(current.reader(ofFirst: written))
    chunk?.removePrefix(written)
    written = 0
  }

  /// Counts `n` bytes as written, which the caller wrote.
  @inlinable
  mutating func advance(_ n: Int) {
    // Sound: not beyond the chunk's end: the caller has seen that there is room.
    unsafe place = place.map { unsafe $0 + n }
    room &-= n
    written &+= n
  }

  private mutating func forgetChunk() -> DetachedView? {
    unsafe place = nil
    room = 0
    written = 0
    return chunk.take()
  }

  private mutating func releaseSpares() {
    while let spare = spares?.popLast() { spare.releaseWriter() }
    spareRoom = 0
  }
}
