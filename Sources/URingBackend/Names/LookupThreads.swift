internal import DequeModule
internal import IOBuffers

/// A bounded number of threads that block in lookups. They come when there is something to look up, and end when there is
/// nothing more.
final class LookupThreads: Sendable {
  /// Blocks until there is an answer.
  typealias Look = @Sendable (String) -> Result<[SocketAddress], ResolveError>

  static let shared = LookupThreads(SystemResolver.mostThreads)

  private struct State {
    /// Taken from the front; those that were cancelled meanwhile are passed over.
    var waiting: Deque<LookupRequest> = []
    var threads = 0
  }

  private let most: Int
  private let look: Look
  private let start: @Sendable (@escaping @Sendable () -> Void) -> Bool
  private let state = Guarded(State())

  /// - Parameters:
  ///   - most: how many threads at a time.
  ///   - look: what runs on them.
  ///   - start: starts one; false when there is none to be had.
  init(
    _ most: Int,
    look: @escaping Look = { Lookup.addresses(of: $0) },
    start: @escaping @Sendable (@escaping @Sendable () -> Void) -> Bool = LookupThreads.startThread
  ) {
    self.most = most
    self.look = look
    self.start = start
  }

  /// How many threads there are, and how many lookups wait for one. For tests.
  var load: (threads: Int, waiting: Int) { state.withLock { ($0.threads, $0.waiting.count) } }

  func addresses(of host: String) async throws -> [SocketAddress] {
    let request = LookupRequest(host)
    return try await withTaskCancellationHandler {
      try await request.wait { enqueue(request) }
    } onCancel: {
      request.finish(.failure(CancellationError()))
      state.withLock { state in state.waiting.removeAll { $0 === request } }
    }
  }

  private func enqueue(_ request: LookupRequest) {
    let needsThread = state.withLock { state in
      state.waiting.append(request)
      guard state.threads < most else { return false }
      state.threads += 1
      return true
    }
    guard needsThread, !start({ self.work() }) else { return }
    // The threads that there are go on; where there is none, nobody would.
    let lost = state.withLock { state in
      state.threads -= 1
      defer { if state.threads == 0 { state.waiting = [] } }
      return state.threads == 0 ? Array(state.waiting) : []
    }
    for request in lost {
      request.finish(
        .failure(ResolveError(host: request.host, code: 0, reason: "no thread could be started (pthread_create)"))
      )
    }
  }

  private func work() {
    while let request = next() {
      guard !request.isOver else { continue }
      request.finish(look(request.host).mapError { $0 })
    }
  }

  /// Nil: the thread ends.
  private func next() -> LookupRequest? {
    state.withLock { state in
      if let request = state.waiting.popFirst() { return request }
      state.threads -= 1
      return nil
    }
  }

  private static func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    do throws(RingError) {
      try LoopThread.start {
        LoopThread.name("sluice-lookup")
        body()
      }
      return true
    } catch {
      return false
    }
  }
}
