import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The built EchoServer as a process of its own, which can be stopped and continued. Killed with its last reference.
final class ServerProcess {
  let port: UInt16
  private let process: pid_t

  /// Beside the program that runs the tests; the build puts it there.
  private static let path: String? = {
    let program = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { text -> String? in
      guard let base = text.baseAddress else { return nil }
      let count = unsafe readlink("/proc/self/exe", base, 4095)
      guard count > 0 else { return nil }
      unsafe base[count] = 0
      return unsafe String(cString: base)
    }
    guard let program, let slash = program.lastIndex(of: "/") else { return nil }
    return "\(program[..<slash])/EchoServer"
  }()

  static var isBuilt: Bool { path.map { unsafe access($0, X_OK) == 0 } ?? false }

  /// Starts it, and returns when it listens.
  init(_ arguments: [String]) throws {
    guard let path = Self.path else { throw Errno.noSuchFileOrDirectory }
    let output = try FileDescriptor.pipe()
    defer { try? output.readEnd.close() }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, output.writeEnd.rawValue, 1)
    unsafe posix_spawn_file_actions_addclose(&actions, output.readEnd.rawValue)
    unsafe posix_spawn_file_actions_addclose(&actions, output.writeEnd.rawValue)
    var words: [UnsafeMutablePointer<CChar>?] = unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
    defer { unsafe words.forEach { unsafe free($0) } }
    var process = pid_t()
    let result = unsafe posix_spawn(&process, path, &actions, nil, &words, environ)
    try output.writeEnd.close()
    guard result == 0 else { throw Errno(rawValue: result) }
    self.process = process
    do {
      port = try Self.port(in: output.readEnd)
    } catch {
      kill(process, SIGKILL)
      waitpid(process, nil, 0)
      throw error
    }
  }

  deinit {
    kill(process, SIGKILL)
    waitpid(process, nil, 0)
  }

  /// Returns when no thread of it runs any more.
  func stop() {
    kill(process, SIGSTOP)
    waitpid(process, nil, WUNTRACED)
  }

  func goOn() {
    kill(process, SIGCONT)
  }

  /// The port in the line that it prints once it listens.
  private static func port(in output: FileDescriptor) throws -> UInt16 {
    var text: [UInt8] = []
    var byte: [UInt8] = [0]
    while unsafe try byte.withUnsafeMutableBytes({ unsafe try output.read(into: $0) }) == 1, byte != [0x0A] {
      text += byte
    }
    let line = String(decoding: text, as: UTF8.self)
    guard let colon = line.lastIndex(of: ":"), let port = UInt16(line[line.index(after: colon)...]) else {
      throw Errno.protocolError
    }
    return port
  }
}
