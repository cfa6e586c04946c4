internal import IOBuffers

/// A slot of one connection into which small views of a long backlog are copied, one behind the other.
///
/// One small view pins the whole slot it was received into. A connection that has many of them waiting would pin far
/// more memory than its bytes; past a few, the bytes move here and the big slots are free again. This is the only
/// copy in the package, and it is counted.
struct GatherSlot {
  private var writer: DetachedView?
  private var used = 0

  /// Whether it holds a slot.
  var isOpen: Bool { writer != nil }

  /// Copies `view` in and releases it; the result reads the copy. Nil, and `view` untouched, when the pool has no slot.
  mutating func absorb(_ view: DetachedView, from arena: BufferArena, slotBytes: Int) -> DetachedView? {
    let count = Int(view.count)
    guard count <= slotBytes else { return nil }
    if let current = writer, Int(current.count) - used < count {
      current.releaseFromKernel()
      writer = nil
    }
    if writer == nil {
      writer = arena.takeOne(slotBytes: slotBytes)
      used = 0
    }
    guard let target = writer else { return nil }
    let copy = target.filled(at: used, count: count, last: false)
    unsafe copy.base.copyMemory(from: view.base, byteCount: count)
    view.releaseReader()
    used += count
    return copy
  }

  /// Gives the slot back; views of what was copied live on.
  mutating func close() {
    writer?.releaseFromKernel()
    writer = nil
  }
}

extension BufferArena {
  /// One slot, held as a writer without an owner; nil at the limit.
  fileprivate func takeOne(slotBytes: Int) -> DetachedView? {
    unsafe withUnsafeTemporaryAllocation(of: DetachedView.self, capacity: 1) { slot in
      unsafe takeForKernel(slotBytes: slotBytes, into: slot) == 1 ? slot[0] : nil
    }
  }
}
