import IOBuffers

extension BufferArena {
  /// As many slots for the kernel as there are, `count` at most.
  func takeForKernel(slotBytes: Int, count: Int, mayGrow: Bool = true) -> [DetachedView] {
    unsafe Array(unsafeUninitializedCapacity: count) { slots, taken in
      unsafe taken = takeForKernel(
        slotBytes: slotBytes,
        mayGrow: mayGrow,
        into: UnsafeMutableBufferPointer(rebasing: slots[..<count])
      )
    }
  }

  func takeForKernel(slotBytes: Int) -> DetachedView? {
    takeForKernel(slotBytes: slotBytes, count: 1).first
  }
}
