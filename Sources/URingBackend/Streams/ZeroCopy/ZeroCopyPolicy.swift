internal import IOBuffers

/// When a send is a zero-copy one, and how much memory such sends may pin. A plain value.
struct ZeroCopyPolicy: Equatable {
  /// Sends of fewer bytes are plain ones. `Int.max`: all are.
  let threshold: Int
  /// What the zero-copy sends of one connection may pin at a time, in bytes.
  let connectionBytes: Int
  /// What those of all connections may pin: as much as is never posted for receiving.
  let loopBytes: Int
  private let slotBytes: Int

  init(threshold: Int?, poolBytes: Int, slotBytes: Int) {
    if let threshold, threshold <= StreamEngine.maximumSendBytes {
      self.threshold = max(1, threshold)
    } else {
      self.threshold = .max
    }
    connectionBytes = min(poolBytes / 16, Int(UInt32.max))
    loopBytes = poolBytes / 4
    self.slotBytes = slotBytes
  }

  var isOn: Bool { threshold != .max }

  /// What a view pins of which `count` bytes are sent: the slot that it is in, since not a byte of it can be reused
  /// before. Of memory that is no receive slot, such as a mapped file, at most as much as such a slot has.
  func pinned(by view: DetachedView, sending count: Int) -> Int {
    max(count, min(view.slot.capacity, slotBytes))
  }
}
