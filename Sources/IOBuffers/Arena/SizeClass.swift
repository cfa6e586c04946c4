/// The slots of one size that are at home, by segment.
struct SizeClass {
  let slotBytes: Int
  /// How many slots are at home and may be lent, cut or not.
  private(set) var homeCount = 0
  /// How many of these are kept for a kernel that was told of them and has not come yet.
  var promised = 0
  /// How many bytes are mapped for the class, without segments that are withheld.
  private(set) var mappedBytes = 0
  /// Where the next slot comes from: the latest segment of the fullest group that has one. Nil only if none has.
  private(set) var source: SegmentRecord?
  private var groups = Array(repeating: SegmentList(), count: SegmentGroup.lendingCount)
  /// How many segments are in the groups of those that are neither idle nor full.
  private var busyCount = 0

  /// How many slots at home a program may have.
  var unpromised: Int { homeCount - promised }

  init(slotBytes: Int) {
    self.slotBytes = slotBytes
  }

  /// Takes the slot that was returned last to the source. Nil if its next one is still to be cut, or there is no source.
  mutating func pop() -> Slot? {
    guard let source, let slot = source.fields.free else { return nil }
    source.fields.free = slot.next
    countLoan(source)
    return slot
  }

  /// A slot of the source is lent.
  mutating func countLoan(_ source: SegmentRecord) {
    homeCount &-= 1
    source.fields.outCount &+= 1
    if source.fields.outCount > source.fields.highest { regroup(source) }
  }

  /// Puts a slot on top of its segment's: the slot that was returned last is lent first, because its memory is warm.
  ///
  /// - Returns: whether the segment has just become idle and is withheld: then it is to be given back.
  mutating func push(_ slot: Slot) -> Bool {
    let record = SegmentRecord(of: slot)
    slot.next = record.fields.free
    record.fields.free = slot
    record.fields.outCount &-= 1
    if record.fields.group == .none { return record.isIdle }
    homeCount &+= 1
    // The only busy segment is the source in whatever group it is. So it stays, and to lend and return a slot again and
    // again changes nothing else.
    if record.fields.outCount < record.fields.lowest, busyCount != 1 || source != record { regroup(record) }
    return false
  }

  /// The slots of a segment may be lent.
  mutating func admit(_ segment: Segment) {
    homeCount += segment.record.homeCount
    mappedBytes += segment.mapping.bytes
    regroup(segment.record)
  }

  /// The slots of a segment may not be lent any more; those that are out come home to it nevertheless.
  mutating func withhold(_ segment: Segment) {
    homeCount -= segment.record.homeCount
    mappedBytes -= segment.mapping.bytes
    leave(segment.record)
    segment.record.fields.group = .none
    findSource()
  }

  /// Forgets all segments: the arena is closed.
  mutating func forget() {
    self = SizeClass(slotBytes: slotBytes)
  }

  /// Brings a segment into the group that it belongs to by now.
  private mutating func regroup(_ record: SegmentRecord) {
    let wasAlone = busyCount == 1
    place(record)
    // The one that was alone has a group of its own again.
    if wasAlone, busyCount == 2, let source, source != record { place(source) }
    findSource()
  }

  private mutating func place(_ record: SegmentRecord) {
    leave(record)
    let count = Int(truncatingIfNeeded: record.fields.outCount)
    let (group, lowest, highest) = SegmentGroup.of(count, slotCount: Int(truncatingIfNeeded: record.fields.slotCount))
    record.fields.group = group
    record.fields.lowest = UInt32(truncatingIfNeeded: lowest)
    record.fields.highest = UInt32(truncatingIfNeeded: highest)
    if group != .full { groups[Int(group.rawValue)].insert(record) }
    if group.isBusy { busyCount += 1 }
  }

  private mutating func leave(_ record: SegmentRecord) {
    let group = record.fields.group
    if group.isBusy { busyCount -= 1 }
    if group != .none, group != .full { groups[Int(group.rawValue)].remove(record) }
  }

  private mutating func findSource() {
    for group in groups {
      if let first = group.first {
        source = first
        return
      }
    }
    source = nil
  }
}
