/// A job that is ready, and on which of the loop's two executors it runs.
@safe
struct LoopJob {
  // Both are the runtime's: a job is there until it has run, and its task holds the loop that it prefers until it ends.
  var job: UnownedJob
  /// The loop that the job's task prefers; nil for the job of an actor.
  var loop: Unmanaged<EventLoop>?
}

/// The jobs that are ready, first in, first out. Loop thread only.
///
/// A ring of plain memory instead of a general deque, because a message passes through it twice: no exclusivity check,
/// no uniqueness check, no allocation once it has grown.
@safe
final class RunQueue {
  // Why the pointer holds: it has room for `capacity` jobs, a power of two, so that a masked index is inside; the `count`
  // jobs from `head` on are initialized and no others; one thread uses it. Jobs are plain values: to forget is to free.
  private var jobs: UnsafeMutablePointer<LoopJob>
  private var capacity: Int
  private var head = 0
  private(set) var count = 0

  init(minimumCapacity: Int = 1024) {
    capacity = 1
    while capacity < minimumCapacity { capacity *= 2 }
    unsafe jobs = .allocate(capacity: capacity)
  }

  deinit {
    unsafe jobs.deallocate()
  }

  var isEmpty: Bool { count == 0 }

  @inline(__always)
  func append(_ job: LoopJob) {
    if count == capacity { grow() }
    unsafe (jobs + ((head &+ count) & (capacity &- 1))).initialize(to: job)
    count &+= 1
  }

  @inline(__always)
  func popFirst() -> LoopJob? {
    guard count > 0 else { return nil }
    let job = unsafe (jobs + head).move()
    head = (head &+ 1) & (capacity &- 1)
    count &-= 1
    return job
  }

  @inline(never)
  private func grow() {
    let larger = UnsafeMutablePointer<LoopJob>.allocate(capacity: capacity * 2)
    let front = capacity - head
    unsafe larger.moveInitialize(from: jobs + head, count: front)
    unsafe (larger + front).moveInitialize(from: jobs, count: head)
    unsafe jobs.deallocate()
    unsafe jobs = larger
    capacity *= 2
    head = 0
  }
}
