import SystemPackage

/// What can be known about a process's permission to use io_uring, in a form that a test can make up.
struct RingEnvironment: Sendable, Equatable {
  /// `/proc/sys/kernel/io_uring_disabled` as text; nil where the kernel has no such switch (before 6.6).
  var disabledSwitch: String?
  /// The `Seccomp:` line of `/proc/self/status`: 0 off, 1 strict, 2 filter. Nil where it cannot be read.
  var seccompMode: Int?
  /// The soft `RLIMIT_MEMLOCK` in bytes; nil for unlimited.
  var memoryLockLimit: UInt64?

  /// Of the calling process. Reads three small files; never fails, what cannot be read stays nil.
  static func current() -> RingEnvironment {
    RingEnvironment(
      disabledSwitch: readText("/proc/sys/kernel/io_uring_disabled"),
      seccompMode: readText("/proc/self/status").flatMap(seccompMode(inStatus:)),
      memoryLockLimit: readText("/proc/self/limits").flatMap(memoryLockLimit(inLimits:))
    )
  }

  /// The value of the `Seccomp:` line: proc_pid_status(5).
  static func seccompMode(inStatus status: String) -> Int? {
    for line in status.split(separator: "\n") where line.hasPrefix("Seccomp:") {
      return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
    }
    return nil
  }

  /// The soft value of the `Max locked memory` line, nil for unlimited: proc_pid_limits(5).
  static func memoryLockLimit(inLimits limits: String) -> UInt64? {
    for line in limits.split(separator: "\n") where line.hasPrefix("Max locked memory") {
      return line.split(whereSeparator: \.isWhitespace).dropFirst(3).first.flatMap { UInt64($0) }
    }
    return nil
  }

  private static func readText(_ path: FilePath) -> String? {
    guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else { return nil }
    defer { try? file.close() }
    // Files in /proc have no size; these are below 4 KiB each.
    var chunk = [UInt8](repeating: 0, count: 4096)
    var text: [UInt8] = []
    while text.count < 16_384 {
      // Reads into the array, and no more than it holds.
      guard let count = try? unsafe chunk.withUnsafeMutableBytes({ try unsafe file.read(into: $0) }), count > 0 else {
        break
      }
      text += chunk[..<count]
    }
    return String(validating: text, as: UTF8.self)
  }
}
