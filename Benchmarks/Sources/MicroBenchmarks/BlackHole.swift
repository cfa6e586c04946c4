import Synchronization

/// Where results go, so that the optimizer cannot prove them useless and drop the work.
enum BlackHole {
  private static let sum = Atomic<UInt64>(0)

  /// Takes a result. A call and two plain instructions.
  @inline(never)
  static func take(_ value: Int) {
    sum.store(UInt64(truncatingIfNeeded: value), ordering: .relaxed)
  }
}
