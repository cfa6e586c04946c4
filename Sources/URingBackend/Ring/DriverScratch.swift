import CLiburing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// One page that a ``KernelDriver`` keeps beside its ring: the mark that tells a forked child apart, and the argument
/// of waiting calls, which so needs no allocation and no closure around a stack variable.
@unsafe
struct DriverScratch {
  // Why the pointers hold: all lead into one page, at distances that keep them apart and aligned, until `unmap`. Its
  // owner, the driver, calls that once, as the last thing. `@unsafe`, because copies of this value are not counted.
  private let page: UnsafeMutableRawPointer
  /// 1 in the process that made the page, 0 in a child: the page is MADV_WIPEONFORK.
  let ownerMark: UnsafeMutablePointer<UInt32>
  /// What io_uring_enter(2) takes with `IORING_ENTER_EXT_ARG`. liburing 2.3 declares it as a signal set.
  let argument: UnsafeMutablePointer<sigset_t>
  private let waitArgument: UnsafeMutablePointer<io_uring_getevents_arg>
  private let time: UnsafeMutablePointer<__kernel_timespec>

  private static var size: Int { 4096 }

  /// Nil when no page can be had.
  init?() {
    // Anonymous memory, so no other is touched; a failure is the address -1.
    let mapping = unsafe mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let mapping = unsafe mapping, unsafe mapping != UnsafeMutableRawPointer(bitPattern: -1) else { return nil }
    // Needs Linux 4.14. Without it a child sees 1, and only the kernel's own check is left.
    _ = unsafe madvise(mapping, Self.size, Int32(MADV_WIPEONFORK))
    unsafe page = mapping
    unsafe ownerMark = mapping.bindMemory(to: UInt32.self, capacity: 1)
    unsafe ownerMark.pointee = 1
    unsafe waitArgument = (mapping + 64).bindMemory(to: io_uring_getevents_arg.self, capacity: 1)
    unsafe waitArgument.initialize(to: io_uring_getevents_arg())
    // Never used as a signal set: it is passed to the kernel, which reads what stands there.
    unsafe argument = UnsafeMutableRawPointer(waitArgument).assumingMemoryBound(to: sigset_t.self)
    unsafe time = (mapping + 128).bindMemory(to: __kernel_timespec.self, capacity: 1)
    unsafe time.initialize(to: __kernel_timespec())
  }

  /// Sets how long the next waiting call waits; nil without limit.
  @inline(__always)
  func setTimeout(_ nanoseconds: UInt64?) {
    guard let nanoseconds else {
      unsafe waitArgument.pointee.ts = 0
      return
    }
    // Written before the call that the kernel reads it in, on the one thread that calls.
    unsafe time.pointee.tv_sec = Int64(nanoseconds / 1_000_000_000)
    unsafe time.pointee.tv_nsec = Int64(nanoseconds % 1_000_000_000)
    unsafe waitArgument.pointee.ts = UInt64(UInt(bitPattern: time))
  }

  /// Gives the page back. The value must not be used afterwards.
  func unmap() {
    // The mapping of `init`, whole. A driver is closed behind its last call, so none reads the argument any more.
    _ = unsafe munmap(page, Self.size)
  }
}
