/// The kernel as a holder: a posted slot has one writer, the kernel's, and no owner.
extension DetachedView {
  /// The kernel reported `count` bytes at `offset` of this writer's bytes: a reader of that range.
  ///
  /// The kernel writes each byte of a posted slot once, so the reader and the kernel's writer have no byte in common
  /// although both are out.
  ///
  /// - Parameters:
  ///   - offset: from the start of the posted bytes.
  ///   - count: how many bytes the completion reported; they must lie within the posted bytes.
  ///   - last: whether the kernel is done with the slot. Then its writer turns into this reader, in one atomic
  ///     operation, and this value must not be used any more; otherwise the kernel keeps its writer.
  @inlinable
  package func filled(at offset: Int, count: Int, last: Bool) -> DetachedView {
    precondition(
      offset >= 0 && count >= 0 && offset <= Int(self.count) && count <= Int(self.count) &- offset,
      "the kernel filled more than was posted"
    )
    // Sound: the range is within this writer's, as was just tested; the kernel is done with it.
    if slot.isSanitized { unsafe slot.unpoison(base + offset, count) }
    var token = token
    if last {
      if token != 0 { slot.retrack(token, bytes: count, restart: true) }
      slot.freezeWriter()
    } else {
      slot.addFilledReader()
      token = slot.isTracked ? slot.track(.read, bytes: count, file: "kernel", line: 0) : 0
    }
    // Sound: the same range, under the lock that was taken for it above.
    return unsafe DetachedView(
      slot: slot,
      base: base + offset,
      count: UInt32(truncatingIfNeeded: count),
      token: token
    )
  }

  /// The kernel is done with a posted slot and filled nothing more. The slot goes home with its last reader.
  @inlinable
  package func releaseFromKernel() {
    releaseWriter()
  }
}
