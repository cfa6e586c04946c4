internal import CLiburing
internal import Glibc
internal import Synchronization
internal import SystemPackage

/// Wakes a loop that sleeps in `enter`: an eventfd(2) that the ring always has a read on.
@safe
final class WakeUp: @unchecked Sendable {
  // Why unchecked: both are constant, write(2) may be called on any thread, and the memory is the kernel's alone.
  private let descriptor: Int32
  /// Where the kernel writes the counter. Nobody reads it: that it was written is the message. Lives until the read has
  /// come back: `EventLoop.takeBackWakeUp`.
  private let counter: UnsafeMutablePointer<UInt64>

  init() throws(RingError) {
    descriptor = eventfd(0, SLUICE_EFD_CLOEXEC)
    guard descriptor >= 0 else {
      throw RingError(system: Errno(rawValue: errno), operation: "eventfd")
    }
    // One number's room, used by the kernel from `arm` to the completion.
    unsafe counter = .allocate(capacity: 1)
    unsafe counter.initialize(to: 0)
  }

  /// Not before the last who might signal is gone: its number could be another file's by then.
  deinit {
    Glibc.close(descriptor)
    unsafe counter.deallocate()
  }

  /// Puts the read on the ring. Loop thread only.
  func arm(on ring: Ring) -> Bool {
    // Eight bytes, which is what an eventfd gives.
    unsafe ring.prepareReadEvent(
      descriptor,
      buffer: UnsafeMutableRawPointer(counter),
      count: MemoryLayout<UInt64>.size,
      userData: OperationID(.wake).rawValue
    )
  }

  /// Ends the current or the next sleep. Any thread; never blocks.
  func signal() {
    var one: UInt64 = 1
    // Reads eight bytes of a variable. The only error an eventfd with a pending reader can give is EINTR.
    while unsafe Glibc.write(descriptor, &one, MemoryLayout<UInt64>.size) < 0, errno == EINTR {}
  }
}
