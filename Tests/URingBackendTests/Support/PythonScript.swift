import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Runs a script with python3 and waits for its end.
enum PythonScript {
  /// - Returns: its exit status; 0 if all of its assertions held.
  static func run(_ script: String, _ arguments: [String]) throws -> Int32 {
    let words = ["python3", "-c", script] + arguments
    // Copies, which live until the call has returned.
    let pointers = unsafe words.map { unsafe strdup($0) } + [nil]
    defer { unsafe pointers.forEach { unsafe free($0) } }
    var process: pid_t = 0
    let code = unsafe posix_spawnp(&process, "python3", nil, nil, pointers, environ)
    guard code == 0 else { throw Errno(rawValue: code) }
    var status: Int32 = 0
    while unsafe waitpid(process, &status, 0) < 0 {
      guard errno == EINTR else { throw Errno(rawValue: errno) }
    }
    return status == 0 ? 0 : status & 0x7F == 0 ? status >> 8 : -1
  }
}
