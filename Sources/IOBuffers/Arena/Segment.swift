/// One mapping, cut into slots of one size. Slots are cut when they are first needed, so that the pages of a slot that
/// was never lent are never touched.
@safe
struct Segment {
  let mapping: Mapping
  let slotBytes: Int
  let slotCount: Int
  /// Which size class the slots serve; nil for a segment made for one large request.
  let sizeClass: Int?
  /// The slots' headers, one block outside of the mapping. The line before them has the number of slots that are lent:
  /// each loan and each return changes it, and so it is where a slot's header can find it without the segment.
  private let headers: UnsafeMutablePointer<SlotHeader>
  /// How many slots have been cut.
  private(set) var cutCount = 0

  init(_ mapping: Mapping, slotBytes: Int, sizeClass: Int?) {
    self.mapping = mapping
    self.slotBytes = slotBytes
    self.slotCount = mapping.bytes / slotBytes
    self.sizeClass = sizeClass
    // Aligned so that each header fills one cache line.
    let line = MemoryLayout<SlotHeader>.stride
    let block = UnsafeMutableRawPointer.allocate(byteCount: (1 + slotCount) * line, alignment: 64)
    unsafe block.bindMemory(to: Int.self, capacity: 1).initialize(to: 0)
    unsafe self.headers = (block + line).bindMemory(to: SlotHeader.self, capacity: slotCount)
  }

  /// The line before the headers.
  private var block: UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(headers) - MemoryLayout<SlotHeader>.stride
  }

  /// How many slots are lent.
  var outCount: Int { unsafe block.load(as: Int.self) }

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
        sizeClass: sizeClass.map { UInt32($0) } ?? SlotHeader.noSizeClass,
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
    unsafe block.deallocate()
    if unmapping { mapping.unmap() }
  }
}

extension Slot {
  /// Changes the number of slots of the same segment that are lent. The caller has the lock of the arena's state.
  func countOut(_ change: Int) {
    // The slots before this one, and the line before the first of them.
    let distance = (1 &+ index) &* MemoryLayout<SlotHeader>.stride
    let count = unsafe (UnsafeMutableRawPointer(header) - distance).assumingMemoryBound(to: Int.self)
    unsafe count.pointee &+= change
  }
}
