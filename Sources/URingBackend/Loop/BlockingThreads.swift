internal import DequeModule
internal import IOBuffers

/// A bounded number of threads for what blocks, and so must not be done on a loop. They come when there is something to do, and end
/// when there is nothing more. Any thread.
final class BlockingThreads<Item: Sendable>: Sendable {
  /// Starts a thread that runs a body; false when there is none to be had.
  typealias Start = @Sendable (@escaping @Sendable () -> Void) -> Bool

  private struct State {
    var waiting: Deque<Item> = []
    var threads = 0
  }

  private let most: Int
  private let start: Start
  private let work: @Sendable (Item) -> Void
  private let state = Guarded(State())

  /// - Parameters:
  ///   - most: how many threads at a time.
  ///   - name: what they are called.
  ///   - start: starts one; nil: as the system does.
  ///   - work: what is done with an item, on one of them.
  init(_ most: Int, name: String, start: Start? = nil, work: @escaping @Sendable (Item) -> Void) {
    self.most = most
    self.start = start ?? { body in BlockingThreads.startThread(name, body) }
    self.work = work
  }

  /// How many threads there are, and how much waits for one. For tests.
  var load: (threads: Int, waiting: Int) { state.withLock { ($0.threads, $0.waiting.count) } }

  /// Has an item worked at by one of the threads, in the order of the calls.
  /// - Returns: those that nobody will work at, because no thread could be started and there is none.
  func add(_ item: Item) -> [Item] {
    let needsThread = state.withLock { state in
      state.waiting.append(item)
      guard state.threads < most else { return false }
      state.threads += 1
      return true
    }
    guard needsThread, !start({ self.run() }) else { return [] }
    // The threads that there are go on; where there is none, nobody would.
    return state.withLock { state in
      state.threads -= 1
      guard state.threads == 0 else { return [] }
      defer { state.waiting = [] }
      return Array(state.waiting)
    }
  }

  /// Takes back what waits and nobody has begun with.
  func remove(where isUnwanted: @Sendable (Item) -> Bool) {
    state.withLock { $0.waiting.removeAll(where: isUnwanted) }
  }

  private func run() {
    while let item = next() { work(item) }
  }

  /// Nil: the thread ends.
  private func next() -> Item? {
    state.withLock { state in
      if let item = state.waiting.popFirst() { return item }
      state.threads -= 1
      return nil
    }
  }

  private static func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
    do throws(RingError) {
      try LoopThread.start {
        LoopThread.name(name)
        body()
      }
      return true
    } catch {
      return false
    }
  }
}
