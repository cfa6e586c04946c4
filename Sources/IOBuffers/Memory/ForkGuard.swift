internal import Synchronization

/// Tells a forked child from its parent without a system call.
///
/// A page that the kernel zeroes in children (madvise(2), MADV_WIPEONFORK, Linux 4.14) holds a number of this process.
/// Where there is no such page, every process looks like the first.
enum ForkGuard {
  @safe
  private struct Mark: @unchecked Sendable {
    let number: UnsafeMutablePointer<Atomic<UInt64>>?
  }

  private static let mark = unsafe Mark(
    number: Platform.mapWipedOnFork()?.bindMemory(to: Atomic<UInt64>.self, capacity: 1)
  )

  /// A number that this process has and no process that it was forked from.
  static var current: UInt64 {
    guard let number = unsafe mark.number else { return 0 }
    // Zero in a process that asks for the first time: threads that ask together store the same.
    if unsafe number.pointee.load(ordering: .relaxed) == 0 {
      unsafe number.pointee.store(Platform.processNumber, ordering: .relaxed)
    }
    return unsafe number.pointee.load(ordering: .relaxed)
  }

  /// Whether this process was forked after `birth` was taken from ``current``.
  static func isForked(since birth: UInt64) -> Bool {
    guard let number = unsafe mark.number else { return false }
    return unsafe number.pointee.load(ordering: .relaxed) != birth
  }
}
