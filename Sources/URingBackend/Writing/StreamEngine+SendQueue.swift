internal import IOBuffers
internal import SystemPackage

extension StreamEngine {
  /// Queues all views of a queue, or none. The settling that follows hands them to the kernel as one vectored send.
  ///
  /// A queue that is refused is released.
  func send(_ queue: inout ByteQueue, on index: Int) -> SendOutcome {
    let place = records.place(index)
    guard place.record.machine.acceptsOutput else {
      place.record.machine.refuseUnsent(queue.count)
      queue.removeAll()
      return .refused
    }
    // One view that finds no node is refused by itself.
    guard queue.isContiguous || sendNodes.hasRoom(for: queue.viewCount) else {
      queue.removeAll()
      fail(index, .system(.noMemory), .send)
      return .refused
    }
    var outcome = place.record.machine.isAboveHighWater ? SendOutcome.aboveHighWater : .queued
    while let view = queue.popFirstDetached() { outcome = send(view, on: place) }
    return outcome
  }
}
