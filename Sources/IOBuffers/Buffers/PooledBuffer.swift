/// The one owner of a slot of an arena: a growable piece of memory that can lend locked views of its bytes.
///
/// An owner is an ordinary reference: holding one locks nothing. ``readView(file:line:)`` and ``writeView(file:line:)``
/// lend views, which do; while any is out, ``resize(to:)`` and everything else that could move or change the
/// bytes throws ``BufferError/locked(_:)``. When the owner is gone and the last view is released, the slot goes home.
///
/// It may be used by one thread at a time, any thread. Its views are independent of it.
@safe
@frozen
public struct PooledBuffer: ~Copyable, @unchecked Sendable {
  // Sound: it has its slot alone, as a value that is not copied; views are lent by atomic operations.
  @usableFromInline
  var slot: Slot
  @usableFromInline
  var length: Int

  /// Adopts a slot whose lock word already says that it has an owner.
  @inlinable
  init(adopting slot: Slot) {
    self.slot = slot
    self.length = 0
  }

  @inlinable
  deinit {
    slot.releaseOwner()
  }

  /// The number of bytes that the buffer holds.
  @inlinable
  public var count: Int { length }

  /// Whether the buffer holds no bytes.
  @inlinable
  public var isEmpty: Bool { length == 0 }

  /// The number of bytes that the buffer can hold without moving.
  @inlinable
  public var capacity: Int { slot.capacity }

  /// Turns the owner into a reader of all bytes: written once, then sent. One atomic operation.
  ///
  /// - Returns: the reader. The slot goes home with it (and with other readers that are out).
  /// - Throws: ``BufferError/locked(_:)`` if a writer is out, ``BufferError/tooManyViews``. The owner is then gone all the
  ///   same, and the slot goes home with its last view.
  @inlinable
  public consuming func finish(
    file: StaticString = #fileID,
    line: UInt = #line
  ) throws(BufferError) -> ReadView {
    guard slot.turnOwnerIntoReader() else {
      let refusal = slot.refusal(of: .read)
      _ = consume self
      throw refusal
    }
    let token = slot.isTracked ? slot.track(.read, bytes: length, file: file, line: line) : 0
    // Sound: the bytes that were written, under the lock that the owner was turned into.
    let view = unsafe ReadView(adopting: slot, slot.base, UInt32(truncatingIfNeeded: length), token)
    discard self
    return view
  }
}
