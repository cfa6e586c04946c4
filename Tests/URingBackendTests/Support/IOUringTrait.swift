import Testing

@testable import URingBackend

extension Trait where Self == ConditionTrait {
  /// For tests of io_uring itself: rings of the kernel, what a probe finds, provided buffers in the kernel's hands. Where a
  /// seccomp filter or an administrator refuses io_uring they are skipped, and nothing else is: loops, servers and clients
  /// run on epoll there, and their tests with them.
  static var needsIOUring: Self {
    .enabled("io_uring can be used here") {
      if case .success = KernelFeatures.here { true } else { false }
    }
  }

  /// For tests of zero-copy sends, by the driver that loops have here: epoll has none.
  static var needsZeroCopySend: Self {
    .enabled("the driver of loops has zero-copy sends here") {
      try DriverSelection().features.has(.zeroCopySend)
    }
  }
}
