internal import IOBuffers
internal import Synchronization

/// Work that other threads hand to a loop.
enum ForeignWork: Sendable {
  case job(LoopJob)
  case closure(@Sendable () -> Void)
}

/// First-in-first-out hand-over from any thread to the loop's thread.
///
/// One lock for a push and one for taking everything at once; the loop reads `isEmpty` without the lock.
final class ForeignQueue: Sendable {
  private struct State {
    var work: [ForeignWork] = []
  }

  private let state = Guarded(State())
  private let count = Atomic<Int>(0)

  /// Whether nothing waits. Sequentially consistent, because the loop decides by it whether to sleep.
  var isEmpty: Bool { count.load(ordering: .sequentiallyConsistent) == 0 }

  func push(_ work: ForeignWork) {
    state.withLock { state in
      state.work.append(work)
      count.store(state.work.count, ordering: .sequentiallyConsistent)
    }
  }

  /// Moves everything into `work`, which must be empty; its storage becomes the queue's next one.
  func takeAll(into work: inout [ForeignWork]) {
    state.withLock { state in
      swap(&state.work, &work)
      count.store(0, ordering: .sequentiallyConsistent)
    }
  }
}
