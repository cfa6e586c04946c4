/// The threads that block in lookups.
final class LookupThreads: Sendable {
  /// Blocks until there is an answer.
  typealias Look = @Sendable (String) -> Result<[SocketAddress], ResolveError>

  static let shared = LookupThreads(SystemResolver.mostThreads)

  private let threads: BlockingThreads<LookupRequest>

  /// - Parameters:
  ///   - most: how many threads at a time.
  ///   - look: what runs on them.
  ///   - start: starts one; nil: as the system does.
  init(
    _ most: Int,
    look: @escaping Look = { Lookup.addresses(of: $0) },
    start: BlockingThreads<LookupRequest>.Start? = nil
  ) {
    threads = BlockingThreads(most, name: "sluice-lookup", start: start) { request in
      // One that was cancelled when it was taken already is passed over.
      guard !request.isOver else { return }
      request.finish(look(request.host).mapError { $0 })
    }
  }

  /// How many threads there are, and how many lookups wait for one. For tests.
  var load: (threads: Int, waiting: Int) { threads.load }

  func addresses(of host: String) async throws -> [SocketAddress] {
    let request = LookupRequest(host)
    return try await withTaskCancellationHandler {
      try await request.wait { enqueue(request) }
    } onCancel: {
      request.finish(.failure(CancellationError()))
      threads.remove { $0 === request }
    }
  }

  private func enqueue(_ request: LookupRequest) {
    for lost in threads.add(request) {
      lost.finish(
        .failure(ResolveError(host: lost.host, code: 0, reason: "no thread could be started (pthread_create)"))
      )
    }
  }
}
