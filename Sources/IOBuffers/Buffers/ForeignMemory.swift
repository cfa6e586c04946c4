/// The home of one slot whose bytes somebody else allocated.
@safe
package final class ForeignMemory: SlotHome, @unchecked Sendable {
  // Sound: `bytes` and `onRelease` never change, and the closure may run anywhere.
  private let bytes: UnsafeMutableRawBufferPointer
  private let onRelease: @Sendable (UnsafeMutableRawBufferPointer) -> Void

  private init(
    _ bytes: UnsafeMutableRawBufferPointer,
    holders: HolderTable?,
    onRelease: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void
  ) {
    // Sound: that the memory is there until `onRelease` is the word of who adopted it.
    unsafe self.bytes = bytes
    unsafe self.onRelease = onRelease
    super.init(holders: holders)
  }

  /// A slot around the bytes, lent to an owner.
  static func adopt(
    _ bytes: UnsafeMutableRawBufferPointer,
    diagnostics: BufferArena.Diagnostics,
    onRelease: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void
  ) throws(BufferError) -> Slot {
    guard bytes.count <= BufferArena.largestBuffer else {
      throw .tooLarge(requested: bytes.count, limit: BufferArena.largestBuffer)
    }
    let holders = diagnostics.samplingInterval.map { HolderTable(every: $0) }
    let home = unsafe ForeignMemory(bytes, holders: holders, onRelease: onRelease)
    // Sound: a line of its own, initialized at once, freed in `reclaimSlowly(_:)`, which runs once.
    let header = unsafe UnsafeMutableRawPointer.allocate(byteCount: MemoryLayout<SlotHeader>.stride, alignment: 64)
      .bindMemory(to: SlotHeader.self, capacity: 1)
    // No bytes need no address; the header's own is as good as any, and never read through.
    let base = unsafe bytes.baseAddress ?? UnsafeMutableRawPointer(header)
    unsafe header.initialize(
      to: SlotHeader(
        base: base,
        capacity: UInt32(bytes.count),
        // Given up in `reclaimSlowly(_:)`.
        home: .passRetained(home),
        segment: 0,
        index: 0,
        sizeClass: SlotHeader.noSizeClass,
        flags: holders == nil ? [] : .tracked
      )
    )
    let slot = unsafe Slot(header)
    slot.setLockWord(LockWord.owner)
    return slot
  }

  package override func reclaimSlowly(_ slot: Slot) {
    // Sound: no owner and no view are left: nobody has the header but this. The reference is the one that was retained
    // in `adopt`.
    unsafe slot.header.deinitialize(count: 1)
    unsafe UnsafeMutableRawPointer(slot.header).deallocate()
    if !DeferredReleases.add(self) { giveBack() }
    unsafe Unmanaged<SlotHome>.passUnretained(self).release()
  }

  /// Hands the memory back to whom it belongs to. Once, and nobody looks at it any more.
  func giveBack() {
    // Sound: no owner and no view are left; called once.
    unsafe onRelease(bytes)
  }
}
