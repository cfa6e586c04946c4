public import Synchronization

/// What the pool knows about one slot. It stands outside the slot's bytes, so that a kernel or a program that writes
/// past the end of its bytes cannot forge a lock, and it fills exactly one cache line, so that two slots never share one.
///
/// A header never moves and lives as long as its segment. `lock` is the only field that several threads write at a time;
/// the links and the generation belong to whoever has the slot at the end of its life (the last holder, then the arena).
/// They are atomics nevertheless, with relaxed order, so that nobody ever modifies a header as a whole while another
/// thread looks at its lock.
@safe
@usableFromInline
package struct SlotHeader: ~Copyable {
  // Sound: the only way to it is a `Slot`, whose holder keeps it; what changes is atomic.
  /// The lock word, see ``LockWord``.
  @usableFromInline
  package let lock: Atomic<UInt64>
  /// The address of the next slot's header in a free list, or in the list of returned slots; zero at the end.
  let nextAddress: Atomic<UInt>
  /// The slot's first byte.
  @usableFromInline
  package let base: UnsafeMutableRawPointer
  /// Who takes the slot back. Unmanaged: the home keeps itself alive until its last slot is back.
  package let home: Unmanaged<SlotHome>
  /// The slot's size in bytes.
  @usableFromInline
  package let capacity: UInt32
  /// See ``generation``.
  let life: Atomic<UInt32>
  /// Which of its arena's segments the slot is part of.
  package let segment: UInt32
  /// The slot's place in its segment.
  package let index: UInt32
  /// Which size class of its arena the slot serves; ``noSizeClass`` if it has a segment of its own.
  let sizeClass: UInt32
  @usableFromInline
  package let flags: Flags
  /// The account of its arena that the slot is charged to while it is out, or zero.
  let account: Atomic<UInt32>
  // Fills the cache line.
  private let padding: UInt32 = 0

  /// The ``sizeClass`` of slots that serve none.
  static var noSizeClass: UInt32 { .max }

  /// Counts the lives of this slot: a late message that names an earlier life is recognised by it.
  package var generation: UInt32 { life.load(ordering: .relaxed) }

  /// Facts about the home that the fast paths test without going there.
  @frozen
  @usableFromInline
  package struct Flags: OptionSet, Sendable, BitwiseCopyable {
    @usableFromInline
    package let rawValue: UInt32

    @inlinable
    package init(rawValue: UInt32) {
      self.rawValue = rawValue
    }

    /// Views are recorded in the home's ``HolderTable``.
    @inlinable
    package static var tracked: Flags { Flags(rawValue: 1) }

    /// The address sanitizer is loaded: idle bytes are poisoned.
    @inlinable
    package static var sanitized: Flags { Flags(rawValue: 2) }
  }

  package init(
    base: UnsafeMutableRawPointer,
    capacity: UInt32,
    home: Unmanaged<SlotHome>,
    segment: UInt32,
    index: UInt32,
    sizeClass: UInt32,
    flags: Flags
  ) {
    self.lock = Atomic(0)
    self.nextAddress = Atomic(0)
    unsafe self.base = base
    unsafe self.home = home
    self.capacity = capacity
    self.life = Atomic(0)
    self.segment = segment
    self.index = index
    self.sizeClass = sizeClass
    self.flags = flags
    self.account = Atomic(0)
  }
}
