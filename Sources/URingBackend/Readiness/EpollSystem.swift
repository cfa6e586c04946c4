import CLiburing
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The operating system's calls on sockets, and epoll(7) to hear when they are worth a try.
///
/// Each descriptor is registered once, edge-triggered, for both directions, and never changed: closing it ends the
/// registration. Data calls carry MSG_DONTWAIT, so descriptors stay as they are; what has no such flag, listeners and
/// sockets that connect, is made non-blocking.
@safe
final class EpollSystem: SocketSystem, @unchecked Sendable {
  // Why unchecked: it belongs to the ring, and the ring to one thread.

  // Why the pointers hold: `events` is this object's from `init` to `deinit`, and the kernel is told how many it holds. What
  // the calls below pass on is their caller's promise, kept for as long as the call.
  private let epoll: Int32
  private let events: UnsafeMutablePointer<epoll_event>
  private var isClosed = false
  /// Linux 5.11 waits for nanoseconds; before, for milliseconds.
  private var hasFineTimeouts = true

  /// So many reports at a time: more would only keep the first of them waiting.
  private static var capacity: Int { 256 }

  /// Throws what epoll_create1(2) met.
  init() throws(RingError) {
    epoll = epoll_create1(SLUICE_EPOLL_CLOEXEC)
    guard epoll >= 0 else { throw RingError(system: Errno(rawValue: errno), operation: "epoll_create1") }
    unsafe events = .allocate(capacity: Self.capacity)
    unsafe events.initialize(repeating: epoll_event(), count: Self.capacity)
  }

  deinit {
    close()
    unsafe events.deallocate()
  }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    Glibc.close(epoll)
  }

  // MARK: Readiness

  func watch(_ descriptor: Int32, generation: UInt32) -> Int32 {
    var event = unsafe epoll_event()
    unsafe event.events = SLUICE_EPOLLIN | SLUICE_EPOLLOUT | SLUICE_EPOLLRDHUP | SLUICE_EPOLLET
    unsafe event.data.u64 = UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
    if unsafe epoll_ctl(epoll, SLUICE_EPOLL_ADD, descriptor, &event) == 0 { return 0 }
    // Still there from an earlier operation on the same socket: new reports, under the new generation.
    if errno == EEXIST, unsafe epoll_ctl(epoll, SLUICE_EPOLL_MODIFY, descriptor, &event) == 0 { return 0 }
    return -errno
  }

  func wait(timeoutNanoseconds: UInt64?) -> Int {
    let count = epollWait(timeoutNanoseconds)
    return count < 0 ? -Int(errno) : Int(count)
  }

  private func epollWait(_ timeout: UInt64?) -> Int32 {
    let capacity = Int32(Self.capacity)
    guard let timeout else { return unsafe epoll_wait(epoll, events, capacity, -1) }
    if timeout == 0 { return unsafe epoll_wait(epoll, events, capacity, 0) }
    if hasFineTimeouts {
      var time = timespec(
        tv_sec: Int(clamping: timeout / 1_000_000_000),
        tv_nsec: Int(timeout % 1_000_000_000)
      )
      let count = unsafe epoll_pwait2(epoll, events, capacity, &time, nil)
      guard count < 0, errno == ENOSYS || errno == EPERM else { return count }
      hasFineTimeouts = false
    }
    // Rounded up: a timer must not fire early.
    return unsafe epoll_wait(epoll, events, capacity, Int32(clamping: timeout / 1_000_000 + 1))
  }

  @inline(__always)
  func event(at index: Int) -> ReadinessEvent {
    let event = unsafe events[index]
    var readiness: Readiness = []
    // Both directions meet an error and the end of both streams.
    let both = SLUICE_EPOLLERR | SLUICE_EPOLLHUP
    if unsafe event.events & (SLUICE_EPOLLIN | SLUICE_EPOLLRDHUP | both) != 0 { readiness.insert(.input) }
    if unsafe event.events & (SLUICE_EPOLLOUT | both) != 0 { readiness.insert(.output) }
    if unsafe event.events & (SLUICE_EPOLLRDHUP | both) != 0 { readiness.insert(.inputEnds) }
    return unsafe ReadinessEvent(
      descriptor: Int32(truncatingIfNeeded: event.data.u64),
      generation: UInt32(truncatingIfNeeded: event.data.u64 >> 32),
      readiness: readiness
    )
  }

  func now() -> UInt64 { LoopClock.now() }

  // MARK: Data

  @inline(__always)
  func receive(_ descriptor: Int32, _ base: UnsafeMutableRawPointer, _ count: Int) -> Int {
    let result = unsafe recv(descriptor, base, count, Int32(MSG_DONTWAIT))
    return result < 0 ? -Int(errno) : result
  }

  @inline(__always)
  func send(_ descriptor: Int32, _ base: UnsafeRawPointer, _ count: Int, flags: Int32) -> Int {
    let result = unsafe Glibc.send(descriptor, base, count, flags | Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
    return result < 0 ? -Int(errno) : result
  }

  @inline(__always)
  func sendVector(_ descriptor: Int32, message: UnsafeRawPointer, flags: Int32) -> Int {
    let header = unsafe message.assumingMemoryBound(to: msghdr.self)
    let result = unsafe sendmsg(descriptor, header, flags | Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
    return result < 0 ? -Int(errno) : result
  }

  @inline(__always)
  func receiveMessage(_ descriptor: Int32, message: UnsafeMutableRawPointer, flags: Int32) -> Int {
    let header = unsafe message.assumingMemoryBound(to: msghdr.self)
    let result = unsafe recvmsg(descriptor, header, flags | Int32(MSG_DONTWAIT))
    return result < 0 ? -Int(errno) : result
  }

  func read(_ descriptor: Int32, _ base: UnsafeMutableRawPointer, _ count: Int) -> Int {
    // An eventfd may be a blocking one. With one reader, what can be read now can be read by the next call.
    guard poll(descriptor, UInt32(POLLIN)) != 0 else { return -Int(EAGAIN) }
    let result = unsafe Glibc.read(descriptor, base, count)
    return result < 0 ? -Int(errno) : result
  }

  func hasInput(_ descriptor: Int32) -> Bool {
    var count: Int32 = 0
    return unsafe ioctl(descriptor, UInt(FIONREAD), &count) == 0 && count > 0
  }

  func poll(_ descriptor: Int32, _ events: UInt32) -> Int32 {
    var entry = pollfd(fd: descriptor, events: Int16(truncatingIfNeeded: events), revents: 0)
    let count = unsafe Glibc.poll(&entry, 1, 0)
    if count < 0 { return -errno }
    return entry.revents & Int16(POLLNVAL) != 0 ? -EBADF : Int32(UInt16(bitPattern: entry.revents))
  }

  // MARK: Connections

  func prepareListener(_ descriptor: Int32) { setBlocking(descriptor, false) }

  func accept(_ descriptor: Int32, flags: Int32) -> Int32 {
    let accepted = accept4(descriptor, nil, nil, flags)
    return accepted >= 0 ? accepted : -errno
  }

  func connect(_ descriptor: Int32, address: UnsafeRawPointer, length: UInt32) -> Int32 {
    let address = unsafe address.assumingMemoryBound(to: sockaddr.self)
    setBlocking(descriptor, false)
    let result = unsafe Glibc.connect(descriptor, address, length) == 0 ? 0 : -errno
    if result != -EINPROGRESS, result != -EAGAIN, result != -EINTR { setBlocking(descriptor, true) }
    return result
  }

  func connectResult(_ descriptor: Int32) -> Int32 {
    // Not before a poll says so: a report may be one of an earlier state.
    guard poll(descriptor, UInt32(POLLOUT)) != 0 else { return -EINPROGRESS }
    var error: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    let code = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
    setBlocking(descriptor, true)
    guard code == 0 else { return -errno }
    if error != 0 { endConnecting(descriptor) }
    return -error
  }

  /// Has a socket whose connect failed forget it, as a connect that waits does: else the next one fails for the first.
  private func endConnecting(_ descriptor: Int32) {
    var address = sockaddr()
    address.sa_family = sa_family_t(AF_UNSPEC)
    _ = unsafe Glibc.connect(descriptor, &address, socklen_t(MemoryLayout<sockaddr>.size))
  }

  private func setBlocking(_ descriptor: Int32, _ blocks: Bool) {
    let flags = fcntl(descriptor, F_GETFL)
    guard flags >= 0, (flags & O_NONBLOCK == 0) != blocks else { return }
    _ = fcntl(descriptor, F_SETFL, blocks ? flags & ~O_NONBLOCK : flags | O_NONBLOCK)
  }

  func shutdown(_ descriptor: Int32, _ how: Int32) -> Int32 {
    Glibc.shutdown(descriptor, how) == 0 ? 0 : -errno
  }

  func close(_ descriptor: Int32) -> Int32 {
    Glibc.close(descriptor) == 0 ? 0 : -errno
  }
}
