internal import CLiburing
internal import Glibc
internal import IOBuffers

/// Which file systems can be read at once although they cannot say whether they would have to wait.
///
/// preadv2(2) refuses RWF_NOWAIT on those that were never taught it. Two of them keep everything in memory or are local, and
/// most servers in containers stand on them: tmpfs and overlayfs. They are read as if all of it were cached, which for the layers
/// of an image is true from the second time on. All others, those over a network first of all, go the way that may wait.
enum FileSystems {
  private static let known = Guarded<[UInt64: Bool]>([:])

  /// Asks the system once for each device.
  static func isReadAtOnce(_ descriptor: Int32, device: UInt64) -> Bool {
    if let answer = known.withLock({ $0[device] }) { return answer }
    var status = statfs()
    let isReadable =
      unsafe fstatfs(descriptor, &status) == 0 && readAtOnce.contains(UInt32(truncatingIfNeeded: status.f_type))
    known.withLock { $0[device] = isReadable }
    return isReadable
  }

  /// Of statfs(2): TMPFS_MAGIC, RAMFS_MAGIC, OVERLAYFS_SUPER_MAGIC.
  private static let readAtOnce: Set<UInt32> = [0x0102_1994, 0x8584_58F6, 0x794C_7630]
}
