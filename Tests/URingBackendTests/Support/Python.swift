import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A peer that shares no code with what is under test.
enum Python {
  struct Failed: Error, CustomStringConvertible {
    let status: Int32
    let output: String
    var description: String { "python3 ended with \(status): \(output)" }
  }

  /// Runs a program and returns what it prints. Blocks; a program that hangs is ended after a minute.
  static func run(_ program: String, _ arguments: [String] = []) throws -> String {
    let output = try FileDescriptor.pipe()
    defer { try? output.readEnd.close() }
    for end in [output.readEnd, output.writeEnd] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, output.writeEnd.rawValue, 1)
    unsafe posix_spawn_file_actions_adddup2(&actions, output.writeEnd.rawValue, 2)
    let words = ["timeout", "60", "python3", "-c", program] + arguments
    var pointers: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
    defer { unsafe pointers.forEach { unsafe free($0) } }
    var process = pid_t()
    let result = unsafe posix_spawnp(&process, "timeout", &actions, nil, &pointers, environ)
    try output.writeEnd.close()
    guard result == 0 else { throw Errno(rawValue: result) }
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      // As many as the array holds.
      let count = try unsafe chunk.withUnsafeMutableBytes { unsafe try output.readEnd.read(into: $0) }
      if count == 0 { break }
      text += chunk[..<count]
    }
    var status: Int32 = 0
    unsafe waitpid(process, &status, 0)
    let printed = String(decoding: text, as: UTF8.self)
    guard status == 0 else { throw Failed(status: status, output: printed) }
    return printed
  }
}
