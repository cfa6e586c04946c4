/// The segments of one group, latest first. Linked by the records themselves, so that joining and leaving cost the same
/// for any number of them.
struct SegmentList {
  private(set) var first: SegmentRecord?

  mutating func insert(_ record: SegmentRecord) {
    record.fields.previous = nil
    record.fields.next = first
    first?.fields.previous = record
    first = record
  }

  mutating func remove(_ record: SegmentRecord) {
    let (previous, next) = (record.fields.previous, record.fields.next)
    if let previous { previous.fields.next = next } else { first = next }
    next?.fields.previous = previous
  }
}
