import Synchronization

/// A place for one noncopyable value that closures, tasks and threads can share.
final class Locker<Value: ~Copyable & Sendable>: Sendable {
  private struct Content: ~Copyable, Sendable {
    var value: Value?
  }

  private let content: Mutex<Content>

  init() {
    content = Mutex(Content(value: nil))
  }

  init(_ value: consuming Value) {
    content = Mutex(Content(value: consume value))
  }

  var isEmpty: Bool {
    content.withLock { $0.value == nil }
  }

  /// The value, leaving the place empty.
  func take() -> Value? {
    content.withLock { $0.value.take() }
  }

  func put(_ value: consuming Value) {
    var value: Value? = consume value
    content.withLock { content in
      content.value = value.take()
    }
  }

  /// Destroys the value now, if there is one.
  func empty() {
    _ = take()
  }
}

/// A number that several threads count.
final class Counter: Sendable {
  private let atomic = Atomic<Int>(0)

  var value: Int { atomic.load(ordering: .sequentiallyConsistent) }

  @discardableResult
  func add(_ amount: Int = 1) -> Int {
    atomic.add(amount, ordering: .sequentiallyConsistent).newValue
  }
}

/// Failures that were met on a thread that belongs to no test. The test expects `messages` to be empty.
final class FailureLog: Sendable {
  private static let limit = 20
  private let log = Mutex<[String]>([])

  var messages: [String] { log.withLock { $0 } }
  var isEmpty: Bool { log.withLock { $0.isEmpty } }

  func record(_ message: @autoclosure () -> String) {
    log.withLock { if $0.count < Self.limit { $0.append(message()) } }
  }

  func expect(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition { record(message()) }
  }
}
