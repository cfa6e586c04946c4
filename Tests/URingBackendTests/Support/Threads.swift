import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Runs something on a thread of its own, and waits for it.
enum OtherThread {
  static func run<Argument, Result>(_ argument: Argument, _ body: @escaping (Argument) -> Result?) throws -> Result? {
    let box = Box { body(argument) }
    var thread = pthread_t()
    let result = unsafe pthread_create(
      &thread,
      nil,
      { context in
        guard let context = unsafe context else { return nil }
        unsafe Unmanaged<AnyBox>.fromOpaque(context).takeUnretainedValue().run()
        return nil
      },
      Unmanaged<AnyBox>.passUnretained(box).toOpaque()
    )
    guard result == 0 else { throw Errno(rawValue: result) }
    pthread_join(thread, nil)
    return box.result
  }

  /// Gives the calling thread a table of descriptors of its own, in which there are the first three alone: close_range(2).
  ///
  /// Not a copy of the process's, which would keep open what other tests close, until the thread ends.
  static func leaveDescriptorsBehind() throws {
    typealias CloseRange = @convention(c) (UInt32, UInt32, Int32) -> Int32
    // As the C library declares it; CLOSE_RANGE_UNSHARE.
    guard let symbol = unsafe dlsym(nil, "close_range") else { throw Errno.noFunction }
    let closeRange = unsafe unsafeBitCast(symbol, to: CloseRange.self)
    guard closeRange(3, .max, 2) == 0 else { throw Errno(rawValue: errno) }
  }

  private class AnyBox {
    func run() {}
  }

  private final class Box<Result>: AnyBox {
    var result: Result?
    private let body: () -> Result?

    init(_ body: @escaping () -> Result?) { self.body = body }

    override func run() { result = body() }
  }
}

/// fork(2), which Swift does not offer, because a child of a program with threads can do little. A few loads and a
/// system call it can.
enum Fork {
  /// Runs `body` in a child process; the child's exit status.
  static func child(_ body: () -> Int32) throws -> Int32 {
    typealias ForkFunction = @convention(c) () -> Int32
    guard let symbol = unsafe dlsym(nil, "fork") else { throw Errno.noFunction }
    let fork = unsafe unsafeBitCast(symbol, to: ForkFunction.self)
    let process = fork()
    if process == 0 { _exit(body()) }
    guard process > 0 else { throw Errno(rawValue: errno) }
    var status: Int32 = 0
    unsafe waitpid(process, &status, 0)
    // Killed by a signal: 128 and its number, as shells have it.
    return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + status & 0x7F
  }
}
