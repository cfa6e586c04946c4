// What a suspension per message needs from the concurrency runtime, at the least price.
//
// `withUnsafeContinuation` asks the runtime before and after each suspension which executor the task prefers, and
// `withUnsafeCurrentTask` counts a reference to the task. Under a task executor each such question takes a lock of the
// task. One of the two questions, and the reference, can be done without.

/// Suspends the current task until its continuation is resumed, exactly once. The task must run where it may stay: on its
/// loop.
///
/// The standard library's function for code that does not ask where it runs. Its name has an underscore; it is public,
/// and compiled into this module.
@inlinable
nonisolated(nonsending)
  func suspend<Result>(_ body: (UnsafeContinuation<Result, Never>) -> Void) async -> sending Result
{
  // The caller resumes it exactly once, as its own documentation demands.
  unsafe await _unsafeInheritExecutor_withUnsafeContinuation { unsafe body($0) }
}

/// Tells tasks that are alive from each other. Only ever compared.
struct TaskIdentity: Equatable {
  private let bits: UInt

  private init(bits: UInt) {
    self.bits = bits
  }

  /// Of no task.
  static let none = TaskIdentity(bits: 0)

  /// Of the task that a job belongs to: a task's job is the task.
  init(_ job: UnownedJob) {
    guard MemoryLayout<UnownedJob>.size == MemoryLayout<UInt>.size else {
      bits = 0
      return
    }
    // A word, as was just checked, whose bits are only compared.
    bits = unsafe unsafeBitCast(job, to: UInt.self)
  }

  /// Of the task that a continuation belongs to: a continuation is the task that it resumes.
  ///
  /// Were that ever to change, no continuation would be recognised, and its task would take the slower way.
  init<Result>(_ continuation: UnsafeContinuation<Result, Never>) {
    guard unsafe MemoryLayout<UnsafeContinuation<Result, Never>>.size == MemoryLayout<UInt>.size else {
      bits = .max
      return
    }
    // Likewise; it is not resumed by this.
    bits = unsafe unsafeBitCast(continuation, to: UInt.self)
  }
}
