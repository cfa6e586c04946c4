/// One mapping, cut into slots of one size. Slots are cut when they are first needed, so that the pages of a slot that
/// was never lent are never touched.
@safe
struct Segment {
  let mapping: Mapping
  let slotBytes: Int
  let slotCount: Int
  /// Which size class the slots serve; nil for a segment made for one large request.
  let sizeClass: Int?
  /// The slots' headers, one block outside of the mapping.
  private let headers: UnsafeMutablePointer<SlotHeader>
  /// How many slots have been cut.
  private(set) var cutCount = 0
  /// How many of the cut slots are at home.
  var freeCount = 0

  init(_ mapping: Mapping, slotBytes: Int, sizeClass: Int?) {
    self.mapping = mapping
    self.slotBytes = slotBytes
    self.slotCount = mapping.bytes / slotBytes
    self.sizeClass = sizeClass
    // Aligned so that each header fills one cache line.
    unsafe self.headers = UnsafeMutableRawPointer.allocate(
      byteCount: slotCount * MemoryLayout<SlotHeader>.stride,
      alignment: 64
    ).bindMemory(to: SlotHeader.self, capacity: slotCount)
  }

  /// How many slots are lent.
  var outCount: Int { cutCount - freeCount }

  /// Whether all slots are at home: the proof that the segment may be unmapped.
  var isIdle: Bool { outCount == 0 }

  /// Whether slots are left to be cut.
  var canCut: Bool { cutCount < slotCount }

  /// Cuts the next slot. There must be one.
  mutating func cut(home: SlotHome, segment: Int, flags: SlotHeader.Flags) -> Slot {
    let header = unsafe headers + cutCount
    unsafe header.initialize(
      to: SlotHeader(
        base: mapping.base + cutCount * slotBytes,
        capacity: UInt32(slotBytes),
        home: .passUnretained(home),
        segment: UInt32(segment),
        index: UInt32(cutCount),
        flags: flags
      )
    )
    cutCount += 1
    return unsafe Slot(header)
  }

  /// Visits the slots that have been cut.
  func forEachSlot(_ body: (Slot) -> Void) {
    for place in 0..<cutCount {
      unsafe body(Slot(headers + place))
    }
  }

  /// Gives everything back to the system. All slots must be at home. In a forked child the mapping is absent, and its
  /// addresses may be somebody else's by now: then it is not unmapped.
  func destroy(unmapping: Bool) {
    // The next owner of these addresses is somebody else's allocator.
    if AddressSanitizer.isLoaded { unsafe AddressSanitizer.unpoison(mapping.base, mapping.bytes) }
    unsafe headers.deinitialize(count: cutCount)
    unsafe UnsafeMutableRawPointer(headers).deallocate()
    if unmapping { mapping.unmap() }
  }
}
