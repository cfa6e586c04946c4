import NIOConcurrencyHelpers
import NIOCore
import SluiceNIO

/// Gives the body loops of the ring, and ends them behind it.
func onLoops(_ count: Int = 1, _ body: (RingEventLoopGroup) async throws -> Void) async throws {
  let group = try RingEventLoopGroup(numberOfThreads: count)
  do {
    try await body(group)
  } catch {
    try await group.shutdownGracefully()
    throw error
  }
  try await group.shutdownGracefully()
}

extension RingEventLoop {
  /// What has been handed over before has run, and all that it handed over in turn.
  func settle() async throws {
    for _ in 0..<3 { try await submit {}.get() }
  }
}

/// What happened, in its order. Any thread.
final class Notes<Note: Sendable>: Sendable {
  private let notes = NIOLockedValueBox<[Note]>([])

  var all: [Note] { notes.withLockedValue { $0 } }

  func add(_ note: Note) { notes.withLockedValue { $0.append(note) } }
}
