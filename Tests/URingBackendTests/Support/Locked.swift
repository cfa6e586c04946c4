#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A value under a lock that closures can share. A POSIX mutex, because the thread sanitizer does not see what the one of
/// `Synchronization` orders.
@safe
final class Locked<Value: ~Copyable>: @unchecked Sendable {
  // Why unchecked: `value` is touched under the mutex alone.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var content: Value

  init(_ value: consuming Value) {
    content = value
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe pthread_mutex_init(mutex, nil)
  }

  deinit {
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  @discardableResult
  func withLock<R: ~Copyable>(_ body: (inout Value) throws -> R) rethrows -> R {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return try body(&content)
  }

  func change(_ body: (inout Value) -> Void) {
    withLock(body)
  }
}

extension Locked where Value: Copyable {
  var value: Value { withLock { $0 } }
}
