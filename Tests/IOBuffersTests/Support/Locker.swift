import Synchronization

/// A place for one noncopyable value that closures, tasks and threads can share.
final class Locker<Value: ~Copyable & Sendable>: Sendable {
  private struct Content: ~Copyable, Sendable {
    var value: Value?
  }

  private let content: Mutex<Content>
  // The thread sanitizer does not understand a contended mutex, see `Guarded`, which cannot hold what is noncopyable.
  private let handover = Atomic<UInt8>(0)

  init() {
    content = Mutex(Content(value: nil))
  }

  init(_ value: consuming Value) {
    content = Mutex(Content(value: consume value))
  }

  var isEmpty: Bool {
    withLock { $0.value == nil }
  }

  /// The value, leaving the place empty.
  func take() -> Value? {
    withLock { $0.value.take() }
  }

  func put(_ value: consuming Value) {
    var value: Value? = consume value
    withLock { $0.value = value.take() }
  }

  /// Destroys the value now, if there is one.
  func empty() {
    _ = take()
  }

  private func withLock<Result: ~Copyable>(_ body: (inout Content) -> Result) -> Result {
    content.withLock { content in
      _ = handover.load(ordering: .acquiring)
      defer { handover.store(0, ordering: .releasing) }
      return body(&content)
    }
  }
}
