internal import CLiburing
internal import Glibc
internal import SystemPackage

/// The thread under a loop. It is ours alone: the kernel cancels the requests of a thread that exits, so no pool of
/// threads that come and go may stand under a ring.
enum LoopThread {
  private final class Start {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Starts a detached thread that runs `body`. See pthread_create(3).
  static func start(_ body: @escaping @Sendable () -> Void) throws(RingError) {
    // One reference, which the thread takes over; where there is no thread, it is given back below.
    let start = unsafe Unmanaged.passRetained(Start(body))
    var thread = pthread_t()
    let code = unsafe pthread_create(
      &thread,
      nil,
      { argument in
        // What was passed in below, so of this type, and with a reference.
        guard let argument = unsafe argument else { return nil }
        let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        start.body()
        return nil
      },
      start.toOpaque()
    )
    guard code == 0 else {
      unsafe start.release()
      throw RingError(system: Errno(rawValue: code), operation: "pthread_create")
    }
    pthread_detach(thread)
  }

  /// What tells this thread from all others that are alive.
  static var current: UInt { UInt(pthread_self()) }

  /// Names the calling thread, as tools such as `top -H` show it. See pthread_setname_np(3).
  static func name(_ name: String) {
    // The C library copies the text before it returns.
    _ = unsafe name.withCString { unsafe pthread_setname_np(pthread_self(), $0) }
  }

  /// Pins the calling thread to one processor; false when the kernel refuses. See pthread_setaffinity_np(3).
  static func pin(to processor: Int) -> Bool {
    var set = cpu_set_t()
    let size = MemoryLayout<cpu_set_t>.size
    guard processor >= 0, processor < size * 8 else { return false }
    // Inside of the set: checked above. Its words are little-endian, as all of this package's processors.
    unsafe withUnsafeMutableBytes(of: &set) { bits in
      unsafe bits[processor / 8] |= 1 << UInt8(processor % 8)
    }
    return unsafe pthread_setaffinity_np(pthread_self(), size, &set) == 0
  }
}
