internal import Synchronization

/// A reference to one slot: the address of its header, behind a type whose operations are safe as long as the caller
/// holds the slot (as its owner, through a view, or as its home).
@frozen
@safe
@usableFromInline
package struct Slot: BitwiseCopyable, @unchecked Sendable {
  // Sound: whoever has one holds the slot or is its home, and so the header is there; nothing else of it is used to
  // follow `header`.
  @usableFromInline
  package let header: UnsafeMutablePointer<SlotHeader>

  @inlinable
  package init(_ header: UnsafeMutablePointer<SlotHeader>) {
    unsafe self.header = header
  }

  /// The slot whose header is at an address that was made by ``address``; nil for zero.
  init?(address: UInt) {
    // Sound: `address` came from `address`; only who holds the slot follows it.
    guard let header = unsafe UnsafeMutablePointer<SlotHeader>(bitPattern: address) else { return nil }
    unsafe self.header = header
  }

  /// The header's address, to be kept in an atomic.
  var address: UInt { unsafe UInt(bitPattern: header) }

  @inlinable
  package var base: UnsafeMutableRawPointer { unsafe header.pointee.base }

  @inlinable
  package var capacity: Int { unsafe Int(truncatingIfNeeded: header.pointee.capacity) }

  @inlinable
  package var isTracked: Bool { unsafe header.pointee.flags.contains(.tracked) }

  @inlinable
  package var isSanitized: Bool { unsafe header.pointee.flags.contains(.sanitized) }

  package var generation: UInt32 { unsafe header.pointee.generation }

  package var segment: Int { unsafe Int(truncatingIfNeeded: header.pointee.segment) }

  package var index: Int { unsafe Int(truncatingIfNeeded: header.pointee.index) }

  /// The size class that the slot serves, or nil.
  var sizeClass: Int? {
    let sizeClass = unsafe header.pointee.sizeClass
    return sizeClass == SlotHeader.noSizeClass ? nil : Int(truncatingIfNeeded: sizeClass)
  }

  /// The home as an ordinary reference. For slow paths; the caller must hold the slot, or the home may be gone.
  package var home: SlotHome { unsafe header.pointee.home.takeUnretainedValue() }

  var next: Slot? {
    get { Slot(address: unsafe header.pointee.nextAddress.load(ordering: .relaxed)) }
    nonmutating set { unsafe header.pointee.nextAddress.store(newValue?.address ?? 0, ordering: .relaxed) }
  }

  /// The account that the slot is charged to, or zero. Guarded by the lock of the arena's state.
  var account: UInt32 {
    get { unsafe header.pointee.account.load(ordering: .relaxed) }
    nonmutating set { unsafe header.pointee.account.store(newValue, ordering: .relaxed) }
  }

  /// Begins the next life of the slot.
  func advanceGeneration() {
    // Not an atomic increment: nobody else writes it.
    unsafe header.pointee.life.store(generation &+ 1, ordering: .relaxed)
  }

  func poison() {
    unsafe AddressSanitizer.poison(base, capacity)
  }

  func unpoison() {
    unsafe AddressSanitizer.unpoison(base, capacity)
  }
}

extension Slot {
  /// Allows access to a part of the slot that the kernel has filled.
  @inline(never)
  @usableFromInline
  func unpoison(_ base: UnsafeMutableRawPointer, _ count: Int) {
    unsafe AddressSanitizer.unpoison(base, count)
  }
}
