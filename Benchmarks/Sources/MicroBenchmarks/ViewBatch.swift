import IOBuffers

/// Views that wait for their release. An array cannot hold what cannot be copied.
@safe
final class ViewBatch: @unchecked Sendable {
  // Why unchecked: one thread fills it, then one thread, this one or another, empties it.
  let capacity: Int
  private let views: UnsafeMutablePointer<ReadView>
  private var count = 0

  init(capacity: Int) {
    self.capacity = capacity
    unsafe views = .allocate(capacity: capacity)
  }

  deinit {
    unsafe views.deinitialize(count: count)
    unsafe views.deallocate()
  }

  var isFull: Bool { count == capacity }

  func append(_ view: consuming ReadView) {
    precondition(count < capacity)
    unsafe (views + count).initialize(to: view)
    count += 1
  }

  /// Releases all of them, and says how many nanoseconds that took.
  func releaseAll() -> UInt64 {
    let time = StopWatch.time {
      for index in 0..<count { unsafe (views + index).move().release() }
    }
    count = 0
    return time
  }
}
