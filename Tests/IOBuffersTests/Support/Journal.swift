import IOBuffers

/// What happened, in the order in which it happened, from any task or thread.
final class Journal<Entry: Sendable>: Sendable {
  private let log = Guarded<[Entry]>([])

  var entries: [Entry] { log.withLock { $0 } }
  var count: Int { log.withLock { $0.count } }

  func append(_ entry: Entry) {
    log.withLock { $0.append(entry) }
  }
}
