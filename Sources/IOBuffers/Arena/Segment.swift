/// One mapping, cut into slots of one size. Slots are cut when they are first needed, so that the pages of a slot that
/// was never lent are never touched.
@safe
struct Segment {
  // Sound: the headers are memory of its own until `destroy(unmapping:)`, and slots keep the segment from it.
  let mapping: Mapping
  let slotBytes: Int
  let slotCount: Int
  /// Which size class the slots serve; nil for a segment made for one large request.
  let sizeClass: Int?
  /// What changes with each loan: in the line before the headers.
  let record: SegmentRecord
  /// The slots' headers, outside of the mapping.
  private let headers: UnsafeMutablePointer<SlotHeader>

  init(_ mapping: Mapping, number: Int, slotBytes: Int, sizeClass: Int?) {
    self.mapping = mapping
    self.slotBytes = slotBytes
    self.slotCount = mapping.bytes / slotBytes
    self.sizeClass = sizeClass
    // Aligned so that each header fills one cache line.
    let line = MemoryLayout<SlotHeader>.stride
    let block = UnsafeMutableRawPointer.allocate(byteCount: (1 + slotCount) * line, alignment: 64)
    // Sound: the block has a line for the record and one for each header.
    unsafe self.record = SegmentRecord(at: block, number: number, slotCount: slotCount)
    unsafe self.headers = (block + line).bindMemory(to: SlotHeader.self, capacity: slotCount)
  }

  /// Whether all slots are at home: the proof that the segment may be unmapped.
  var isIdle: Bool { record.isIdle }

  private var cutCount: Int { Int(truncatingIfNeeded: record.fields.cutCount) }

  /// Cuts the next slot; nil if none is left to be cut.
  func cut(home: SlotHome, flags: SlotHeader.Flags) -> Slot? {
    let place = cutCount
    guard place < slotCount else { return nil }
    // Sound: `place` is below `slotCount` and was not initialized before; the bytes are within the mapping.
    let header = unsafe headers + place
    unsafe header.initialize(
      to: SlotHeader(
        base: mapping.base + place * slotBytes,
        capacity: UInt32(slotBytes),
        home: .passUnretained(home),
        segment: record.fields.number,
        index: UInt32(place),
        sizeClass: sizeClass.map { UInt32($0) } ?? SlotHeader.noSizeClass,
        flags: flags
      )
    )
    record.fields.cutCount += 1
    return unsafe Slot(header)
  }

  /// Visits the slots that have been cut.
  func forEachSlot(_ body: (Slot) -> Void) {
    for place in 0..<cutCount {
      // Sound: cut, hence initialized.
      unsafe body(Slot(headers + place))
    }
  }

  /// Gives everything back to the system. All slots must be at home. In a forked child the mapping is absent, and its
  /// addresses may be somebody else's by now: then it is not unmapped.
  func destroy(unmapping: Bool) {
    // The next owner of these addresses is somebody else's allocator.
    // Sound: the caller's word that all slots are at home: nobody has a reference to a header or a byte.
    if AddressSanitizer.isLoaded { unsafe AddressSanitizer.unpoison(mapping.base, mapping.bytes) }
    unsafe headers.deinitialize(count: cutCount)
    unsafe (UnsafeMutableRawPointer(headers) - MemoryLayout<SlotHeader>.stride).deallocate()
    if unmapping { mapping.unmap() }
  }
}
