/// The datagrams of one loop that are with the kernel. Each has its place, taken from a free list: nothing is allocated once
/// the loop is warm. Loop thread only.
final class DatagramSends {
  static let none: UInt32 = .max

  typealias Place = Slab<PendingDatagram>.Place

  private let pending = Slab<PendingDatagram> { PendingDatagram(index: $0) }
  private var free = DatagramSends.none
  private(set) var inUse = 0

  /// A place that nobody uses; nil when there are as many as there can be.
  @inline(__always)
  func take() -> Place? {
    if free == DatagramSends.none { guard grow() else { return nil } }
    let place = pending.place(Int(free))
    free = place.record.next
    inUse &+= 1
    return place
  }

  /// The datagram that a completion is about.
  @inline(__always)
  func place(_ operation: OperationID) -> Place? {
    guard Int(operation.index) < pending.count else { return nil }
    let place = pending.place(Int(operation.index))
    return place.record.view != nil && place.record.generation == operation.generation ? place : nil
  }

  func place(_ index: UInt32) -> Place { pending.place(Int(index)) }

  /// Gives a place back. Its view is the caller's.
  @inline(__always)
  func giveBack(_ place: Place) {
    place.record.clear()
    place.record.next = free
    free = place.record.index
    inUse &-= 1
  }

  @inline(never)
  private func grow() -> Bool {
    let start = pending.count
    guard pending.grow() else { return false }
    for index in (start..<pending.count).reversed() {
      pending[index].next = free
      free = UInt32(index)
    }
    return true
  }
}
