import SystemPackage

extension RingError {
  /// Finds the likely cause of a failed call that makes a ring or registers something with one.
  ///
  /// A function of its arguments alone, so that every cause can be tested without having to produce it.
  /// - Parameters:
  ///   - errno: what the kernel answered, positive.
  ///   - operation: the call, as its manual page names it.
  ///   - environment: what is known about the process.
  static func diagnose(errno: Int32, operation: String, environment: RingEnvironment) -> RingError {
    let error = Errno(rawValue: errno)
    return RingError(reason: cause(error, environment), operation: operation, errno: error)
  }

  /// The same for the calling process. Reads `/proc`, so not for frequent errors.
  static func diagnose(errno: Int32, operation: String) -> RingError {
    diagnose(errno: errno, operation: operation, environment: .current())
  }

  private static func cause(_ error: Errno, _ environment: RingEnvironment) -> Reason {
    let disabled = environment.disabledSwitch.flatMap { text in
      text.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) }
    }
    let isFiltered = environment.seccompMode.map { $0 != 0 } ?? false
    switch error {
    case .notPermitted, .permissionDenied:
      // The switch is looked at first: the kernel asks it only after the filter let the call through, but a process may
      // well run under a filter that allows io_uring, while a switch that is on always refuses.
      if let disabled, disabled != 0 { return .disabledBySysctl(value: disabled) }
      return isFiltered ? .blockedBySeccomp : .system(error)
    case .notSupportedOnSocket:
      // EOPNOTSUPP: what the filter of one managed Kubernetes answers. io_uring_setup(2) itself never does.
      return isFiltered ? .blockedBySeccomp : .system(error)
    case .noFunction:
      // Some container profiles answer ENOSYS for calls that they do not allow, so that programs fall back.
      return isFiltered ? .blockedBySeccomp : .kernelTooOld
    case .invalidArgument:
      return .kernelTooOld
    case .noMemory:
      return environment.memoryLockLimit.map { .memoryLockLimit(bytes: $0) } ?? .outOfMemory
    case .tooManyOpenFiles, .tooManyOpenFilesInSystem:
      return .descriptorLimit
    case .fileExists:
      // SINGLE_ISSUER: io_uring_enter(2) and io_uring_register(2) of another task than the submitter.
      return .wrongThread
    default:
      return .system(error)
    }
  }
}
