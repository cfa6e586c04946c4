/// The meaning of the 64 bits that guard a slot: how many readers and writers look at its bytes, whether it has an
/// owner, and whether that owner waits for the last view to go.
///
///     bit  63..58   57       56      55 .......... 28   27 .......... 0
///          unused   waiter   owner   writer count       reader count
///
/// A plain value without any memory of its own, so that tests can walk every transition. All the facts are in one
/// word because only then is "nobody looks at this slot" a single atomic observation.
@frozen
@usableFromInline
package struct LockWord: Equatable, Sendable, BitwiseCopyable {
  @usableFromInline
  package var rawValue: UInt64

  @inlinable
  package init(_ rawValue: UInt64) {
    self.rawValue = rawValue
  }

  @inlinable
  package static var oneReader: UInt64 { 1 }

  @inlinable
  package static var oneWriter: UInt64 { 1 << 28 }

  @inlinable
  package static var owner: UInt64 { 1 << 56 }

  @inlinable
  package static var waiter: UInt64 { 1 << 57 }

  @inlinable
  package static var readersMask: UInt64 { (1 << 28) - 1 }

  @inlinable
  package static var writersMask: UInt64 { ((1 << 28) - 1) << 28 }

  @inlinable
  package static var viewsMask: UInt64 { (1 << 56) - 1 }

  /// How many views of one kind a slot admits. The fields hold sixteen times as much: an increment may happen first
  /// and be taken back, and a frozen writer always finds room as a reader, so no field can ever carry into the next.
  @inlinable
  package static var viewLimit: UInt64 { (1 << 24) - 1 }

  @inlinable
  package var readers: UInt64 { rawValue & Self.readersMask }

  @inlinable
  package var writers: UInt64 { (rawValue & Self.writersMask) >> 28 }

  @inlinable
  package var hasOwner: Bool { rawValue & Self.owner != 0 }

  @inlinable
  package var hasWaiter: Bool { rawValue & Self.waiter != 0 }

  /// No view is out: the only proof that the bytes may be moved, reused or unmapped.
  @inlinable
  package var isUnlocked: Bool { rawValue & Self.viewsMask == 0 }

  /// An owner may lend a reader: nobody writes.
  @inlinable
  package var admitsReader: Bool {
    rawValue & Self.writersMask == 0 && rawValue & Self.readersMask < Self.viewLimit
  }

  /// An owner may lend a writer: nobody looks.
  @inlinable
  package var admitsWriter: Bool { isUnlocked }

  /// After a view was given back: somebody has to act, because the slot is homeless or its owner waits.
  @inlinable
  package var needsAttention: Bool { isUnlocked && rawValue != Self.owner }
}
