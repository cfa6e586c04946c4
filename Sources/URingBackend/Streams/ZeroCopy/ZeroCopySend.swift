/// One zero-copy send, from its submission to the kernel's last word on it. Lives in a slab, apart from the connection,
/// because notifications come late and out of order, and after the connection is closed.
struct ZeroCopySend {
  var generation: UInt32 = 0
  var isOpen = false
  /// Bytes went out: the report on their use means something.
  var tookBytes = false
  var connection = ConnectionID(index: 0, generation: 0, loop: 0)
  /// Readers of every byte that was submitted, apart from those of the connection's queue.
  var views = ViewQueue()
  /// What they pin, in bytes: see `ZeroCopyPolicy`.
  var pinned = 0
}
