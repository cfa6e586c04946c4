/// A reference to the part of a segment that each loan and each return changes.
///
/// It stands in the line before the headers of the segment's slots, where a slot finds it without the segment. Guarded by
/// the lock of the arena's state; valid as long as the segment.
@safe
struct SegmentRecord: Equatable, BitwiseCopyable, @unchecked Sendable {
  // Sound: used by who has the lock of the arena's state only, as long as the segment is there.
  struct Fields: BitwiseCopyable {
    /// The segment's number in its arena.
    let number: UInt32
    /// How many slots fit into the segment.
    let slotCount: UInt32
    /// How many slots have been cut.
    var cutCount: UInt32 = 0
    /// How many slots are lent.
    var outCount: UInt32 = 0
    /// The bounds of ``outCount`` within which the segment stays in its group.
    var lowest: UInt32 = 0
    var highest: UInt32 = 0
    var group = SegmentGroup.none
    /// The slots that are cut and at home, linked by `next`; the one that was returned last comes first.
    var free: Slot?
    /// The neighbours in the list of the segment's group.
    var previous: SegmentRecord?
    var next: SegmentRecord?
  }

  private let storage: UnsafeMutablePointer<Fields>

  /// The record in a line of a cache that nothing else is in.
  init(at line: UnsafeMutableRawPointer, number: Int, slotCount: Int) {
    assert(MemoryLayout<Fields>.size <= MemoryLayout<SlotHeader>.stride)
    // Sound: the line is the caller's, and as long as a header, which is enough (asserted).
    unsafe storage = line.bindMemory(to: Fields.self, capacity: 1)
    unsafe storage.initialize(
      to: Fields(number: UInt32(truncatingIfNeeded: number), slotCount: UInt32(truncatingIfNeeded: slotCount))
    )
  }

  /// The record of the segment that a slot is in.
  init(of slot: Slot) {
    // The slots before this one, and the line before the first of them.
    let distance = (1 &+ slot.index) &* MemoryLayout<SlotHeader>.stride
    // Sound: `Segment` puts the record one line before the first header; slots of arenas only come here.
    unsafe storage = (UnsafeMutableRawPointer(slot.header) - distance).assumingMemoryBound(to: Fields.self)
  }

  var fields: Fields {
    // Sound: see above: initialized, and exclusive by the lock.
    _read { yield unsafe storage.pointee }
    nonmutating _modify { yield unsafe &storage.pointee }
  }

  /// Whether all slots are at home: the proof that the segment may be unmapped.
  var isIdle: Bool { fields.outCount == 0 }

  /// The place of the segment in its arena.
  var number: Int { Int(truncatingIfNeeded: fields.number) }

  /// How many slots are at home, cut or not.
  var homeCount: Int { Int(truncatingIfNeeded: fields.slotCount &- fields.outCount) }

  static func == (left: SegmentRecord, right: SegmentRecord) -> Bool {
    // Sound: compares addresses, follows none.
    unsafe left.storage == right.storage
  }
}
