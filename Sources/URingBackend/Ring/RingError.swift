public import SystemPackage

/// A ring could not be made, or the kernel refused to work with it.
///
/// ``reason`` says which of the usual causes it is, ``description`` says what happened and what to do. Errors of single
/// operations (a reset connection, a closed pipe) are not ring errors: they arrive in completions.
public struct RingError: Error, Sendable, Equatable {
  /// Why.
  public enum Reason: Sendable, Equatable {
    /// The administrator switched io_uring off: `kernel.io_uring_disabled` is 1 (unprivileged processes, save the group
    /// in `kernel.io_uring_group`) or 2 (everybody).
    case disabledBySysctl(value: Int)
    /// A seccomp filter denies the calls, as most container runtimes do by default.
    case blockedBySeccomp
    /// The kernel lacks io_uring, or parts of it that this package cannot do without (Linux 6.1 has them all).
    case kernelTooOld
    /// The memory is charged against `RLIMIT_MEMLOCK`, and that is used up.
    case memoryLockLimit(bytes: UInt64)
    /// The kernel is out of memory, or the process's cgroup is.
    case outOfMemory
    /// The process, or the system, has no descriptors left.
    case descriptorLimit
    /// A thread other than the one that made the ring entered it, or a forked child did.
    case wrongThread
    /// The kernel had no memory to keep completions that did not fit the queue. Which ones is unknown: operations on
    /// this ring may never complete, and the memory that they hold cannot be reused.
    case completionsLost
    /// A setting has a value that is not possible; the text says which setting, and what is possible.
    case setting(String)
    /// Anything else: the kernel's own error.
    case system(Errno)
  }

  /// Why.
  public var reason: Reason
  /// The call that failed, as its manual page names it.
  public var operation: String
  /// What the kernel answered, where it was asked.
  public var errno: Errno?

  /// An error whose cause is known.
  init(reason: Reason, operation: String, errno: Errno? = nil) {
    self.reason = reason
    self.operation = operation
    self.errno = errno
  }

  /// The error of a call that is not io_uring's own, such as eventfd(2).
  init(system error: Errno, operation: String) {
    let reason: Reason =
      switch error {
      case .tooManyOpenFiles, .tooManyOpenFilesInSystem: .descriptorLimit
      case .noMemory: .outOfMemory
      default: .system(error)
      }
    self.init(reason: reason, operation: operation, errno: error)
  }
}

extension RingError: CustomStringConvertible {
  /// What happened and what to do about it, in one line.
  public var description: String {
    "\(operation) failed\(errno.map { " (\($0))" } ?? ""): \(advice)"
  }

  private var advice: String {
    switch reason {
    case .disabledBySysctl(let value):
      value == 1
        ? """
        kernel.io_uring_disabled is 1, so only privileged processes and members of kernel.io_uring_group may use \
        io_uring. Set it to 0 with sysctl, or add the user to that group.
        """
        : "kernel.io_uring_disabled is \(value): io_uring is off for everybody. Set it to 0 with sysctl."
    case .blockedBySeccomp:
      """
      a seccomp filter denies io_uring, as container runtimes do by default. Run with a profile that allows \
      io_uring_setup, io_uring_enter and io_uring_register (Docker: --security-opt seccomp=profile.json).
      """
    case .kernelTooOld:
      "this kernel lacks io_uring, or a part of it that is needed. Linux 6.1 or newer has everything."
    case .memoryLockLimit(let bytes):
      """
      the memory counts against RLIMIT_MEMLOCK, which is \(bytes) bytes. Raise it (ulimit -l, LimitMEMLOCK= in a systemd \
      unit, --ulimit memlock= for Docker), use smaller queues, or grant CAP_IPC_LOCK.
      """
    case .outOfMemory:
      "the kernel, or the memory limit of this cgroup, has no memory left. Use fewer rings or smaller queues."
    case .descriptorLimit:
      "no file descriptor is left. Raise RLIMIT_NOFILE (ulimit -n), or look for descriptors that are never closed."
    case .wrongThread:
      "a ring may be entered only by the thread that made it, and never in a process that was forked from it."
    case .completionsLost:
      "the kernel ran out of memory for completions and dropped some. The ring cannot be trusted any more: close it."
    case .setting(let text):
      text
    case .system:
      "this is not one of the usual causes."
    }
  }
}
