import CLiburing
import SystemPackage

/// A ring's index in the table that each thread has of its own: io_uring_register_ring_fd(3).
///
/// To enter through an index saves taking a reference on the descriptor. By the raw call and not by liburing's, because
/// liburing would unregister the index on whatever thread closes the ring, and so hit a ring of that thread.
enum RegisteredRing {
  /// Registers the ring with the calling thread.
  /// - Returns: the index, or a negative errno value.
  static func register(_ descriptor: Int32) -> Int32 {
    // All ones: the kernel picks an index, and writes it here.
    var update = io_uring_rsrc_update()
    update.offset = UInt32.max
    update.data = UInt64(UInt32(bitPattern: descriptor))
    // One update, in the variable, as the count says. Likewise below.
    let result = unsafe io_uring_register(UInt32(bitPattern: descriptor), SLUICE_REGISTER_RING_FDS, &update, 1)
    guard result == 1 else { return result < 0 ? result : -Errno.invalidArgument.rawValue }
    return Int32(bitPattern: update.offset)
  }

  /// Undoes it. On the thread that registered.
  static func unregister(_ descriptor: Int32, index: Int32) {
    var update = io_uring_rsrc_update()
    update.offset = UInt32(bitPattern: index)
    _ = unsafe io_uring_register(UInt32(bitPattern: descriptor), SLUICE_UNREGISTER_RING_FDS, &update, 1)
  }
}
