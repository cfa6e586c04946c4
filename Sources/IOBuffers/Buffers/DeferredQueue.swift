#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The queue of one thread, see ``DeferredReleases``. Nobody but its thread uses it.
final class DeferredQueue {
  private var memories: [ForeignMemory] = []
  /// One of the closures is running, so that the queue must not be run by it.
  var isRunning = false

  var isEmpty: Bool { memories.isEmpty }

  func append(_ memory: ForeignMemory) {
    memories.append(memory)
  }

  /// Runs what is there now; what that adds stays for another call.
  func runCollected() {
    // Emptied first, because the closures add to it.
    let collected = memories
    memories = []
    for memory in collected { memory.giveBack() }
  }
}

#if canImport(Glibc) || canImport(Musl) || canImport(Darwin)
  extension DeferredQueue {
    /// Where each thread keeps its queue (pthread_key_create(3)); nil if the process has no more keys.
    private static let key: pthread_key_t? = {
      var key = pthread_key_t()
      // A thread that ends without `end()` still gives its memory back. The system has emptied its place by then, so that
      // what these closures release is given back at once.
      // Sound: the thread's place holds a reference, which this takes over; the function captures nothing.
      let status = unsafe pthread_key_create(&key) { queue in
        let address: UnsafeMutableRawPointer? = unsafe queue
        guard let address = unsafe address else { return }
        let queue = unsafe Unmanaged<DeferredQueue>.fromOpaque(address).takeRetainedValue()
        while !queue.isEmpty { queue.runCollected() }
      }
      return status == 0 ? key : nil
    }()

    /// The queue of this thread, if it collects.
    static var current: DeferredQueue? {
      guard let key, let address = unsafe pthread_getspecific(key) else { return nil }
      // The place holds a reference until `remove()`.
      return unsafe Unmanaged<DeferredQueue>.fromOpaque(address).takeUnretainedValue()
    }

    /// Gives this thread, which has none, a queue.
    static func install() {
      guard let key else { return }
      // Sound: the reference is the place's from here on, or released at once.
      let queue = unsafe Unmanaged.passRetained(DeferredQueue())
      // Without memory for the place the thread does not collect.
      if unsafe pthread_setspecific(key, queue.toOpaque()) != 0 { unsafe queue.release() }
    }

    /// Takes this thread's queue away.
    static func remove() {
      guard let key, let queue = current else { return }
      pthread_setspecific(key, nil)
      // Sound: the place's reference, which the line before emptied.
      unsafe Unmanaged.passUnretained(queue).release()
    }
  }
#else
  extension DeferredQueue {
    static var current: DeferredQueue? { nil }
    static func install() {}
    static func remove() {}
  }
#endif
