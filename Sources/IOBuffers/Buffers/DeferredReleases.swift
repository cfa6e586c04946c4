/// Puts off, on threads that ask for it, what the owners of foreign memory want done when their memory is free again.
///
/// The closure of a ``ForeignBuffer`` is somebody else's code, and the last view may be released in the middle of
/// anything. On the thread of an event loop that would be in the middle of the engine, whose state is not ready to be
/// called. So such a thread collects, and runs the closures where it can bear them. Each thread has a queue of its own;
/// on a thread without one, closures run at once. Slots of an arena never come here.
///
/// Without a C library there is no storage of a thread's own, and closures run at once everywhere.
package enum DeferredReleases {
  /// This thread collects from now on. Harmless on one that does already.
  package static func begin() {
    if DeferredQueue.current == nil { DeferredQueue.install() }
  }

  /// Runs what this thread has collected, in order, and then what was added by that. What is added by those comes with the
  /// next call, so that closures which cause each other for ever do not keep the thread for ever: ``isEmpty`` tells.
  /// Inside of such a closure it does nothing.
  package static func run() {
    guard let queue = DeferredQueue.current, !queue.isRunning else { return }
    queue.isRunning = true
    defer { queue.isRunning = false }
    queue.runCollected()
    queue.runCollected()
  }

  /// Runs everything that this thread has collected and that is added meanwhile, then collects no more.
  package static func end() {
    guard let queue = DeferredQueue.current else { return }
    while !queue.isEmpty { queue.runCollected() }
    DeferredQueue.remove()
  }

  /// Whether this thread has collected nothing that is still to be run.
  package static var isEmpty: Bool {
    DeferredQueue.current?.isEmpty ?? true
  }

  /// Collects. False if this thread does not: then the caller gives the memory back itself.
  static func add(_ memory: ForeignMemory) -> Bool {
    guard let queue = DeferredQueue.current else { return false }
    queue.append(memory)
    return true
  }
}
