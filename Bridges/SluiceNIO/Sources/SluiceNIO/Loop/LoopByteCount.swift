internal import Synchronization

/// Bytes that a loop counts. Any thread may look.
struct LoopByteCount: ~Copyable {
  private let count = Atomic<UInt64>(0)

  var current: UInt64 { count.load(ordering: .relaxed) }

  /// Loop only: nobody else writes, so that it need not be one atomic operation.
  func add(_ bytes: Int) { count.store(current &+ UInt64(bytes), ordering: .relaxed) }
}
