import Foundation
import Testing

/// The built EchoServer, run as a user runs it.
final class EchoProcess: @unchecked Sendable {
  // Why unchecked: a test talks to one process at a time.

  /// How a run ended, and all that it printed on both streams.
  struct Outcome {
    var status: Int32
    var output: String
  }

  private let process: pid_t
  private let reading: FileHandle
  private var output = Data()
  private var hasEnded = false

  /// Not with Foundation's `Process`: it reads the list of open descriptors in a way that crashes when there are more than
  /// 1,365 of them, and the tests beside this one have as many.
  private init(_ program: String, _ arguments: [String], input: Int32? = nil) throws {
    let (ours, theirs) = try Self.channel()
    defer { close(theirs) }
    reading = FileHandle(fileDescriptor: ours, closeOnDealloc: true)
    let silence = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
    defer { close(silence) }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, input ?? silence, STDIN_FILENO)
    unsafe posix_spawn_file_actions_adddup2(&actions, theirs, STDOUT_FILENO)
    unsafe posix_spawn_file_actions_adddup2(&actions, theirs, STDERR_FILENO)
    var child = pid_t()
    let words: [UnsafeMutablePointer<CChar>?] = unsafe ([program] + arguments).map { unsafe strdup($0) } + [nil]
    defer { unsafe words.forEach { unsafe free($0) } }
    let code = unsafe posix_spawn(&child, program, &actions, nil, words, environ)
    guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EINVAL) }
    process = child
  }

  deinit {
    guard !hasEnded else { return }
    kill(process, SIGKILL)
    _ = waitpid(process, nil, 0)
  }

  /// Two ends of a stream that no other child inherits.
  private static func channel() throws -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw POSIXError(.EMFILE) }
    return (ends[0], ends[1])
  }

  // MARK: Programs

  /// The directory that the build put its products into: where this test bundle is.
  private static let products: URL = {
    let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
    let bundle = maps.split(separator: "\n").first { $0.hasSuffix(".xctest") }
    let path = bundle.flatMap { line in line.firstIndex(of: "/").map { String(line[$0...]) } }
    return URL(fileURLWithPath: path ?? CommandLine.arguments[0]).deletingLastPathComponent()
  }()

  static let echoServer = products.appendingPathComponent("EchoServer").path

  /// Where a program is, if it is installed.
  static func find(_ program: String) -> String? {
    let directories = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
    return directories.map { "\($0)/\(program)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// Runs a program to its end.
  static func run(_ program: String, _ arguments: [String], input: String? = nil) async throws -> Outcome {
    try await onThread {
      guard let input else { return try EchoProcess(program, arguments).outcome() }
      let (ours, theirs) = try channel()
      defer { close(theirs) }
      let writing = FileHandle(fileDescriptor: ours, closeOnDealloc: true)
      try writing.write(contentsOf: Data(input.utf8))
      try writing.close()
      return try EchoProcess(program, arguments, input: theirs).outcome()
    }
  }

  /// Runs a command, its program first, to its end.
  static func run(_ command: [String]) async throws -> Outcome {
    try await run(command[0], Array(command.dropFirst()))
  }

  /// Runs EchoServer to its end.
  static func run(_ arguments: String...) async throws -> Outcome {
    try await run(echoServer, arguments)
  }

  // MARK: A server

  /// A server that listens, and where.
  /// - Parameter command: what starts it, if it is not started directly; it must turn into the server.
  static func listening(
    _ arguments: [String],
    under command: [String] = []
  ) async throws -> (server: EchoProcess, host: String, port: UInt16) {
    try await onThread {
      let words = command + [echoServer] + arguments
      let server = try EchoProcess(words[0], Array(words.dropFirst()))
      let line = try server.line { $0.hasPrefix("EchoServer listening on ") }
      let address = line.dropFirst("EchoServer listening on ".count)
      let colon = try #require(address.lastIndex(of: ":"))
      let port = try #require(UInt16(address[address.index(after: colon)...]))
      return (server, String(address[..<colon]), port)
    }
  }

  /// Sends a signal, and waits for the end.
  func end(by signal: Int32) async throws -> Outcome {
    kill(process, signal)
    return try await Self.onThread { try self.outcome() }
  }

  func signal(_ signal: Int32) {
    kill(process, signal)
  }

  func ended() async throws -> Outcome {
    try await Self.onThread { try self.outcome() }
  }

  /// The next line that is printed and that `condition` holds for.
  func nextLine(_ condition: @escaping @Sendable (Substring) -> Bool) async throws -> String {
    try await Self.onThread { try self.line(condition) }
  }

  private func line(_ condition: (Substring) -> Bool) throws -> String {
    var seen = 0
    while true {
      let lines = String(decoding: output, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      // The last one is not complete.
      if let line = lines.dropLast().dropFirst(seen).first(where: condition) { return String(line) }
      seen = max(0, lines.count - 1)
      let more = reading.availableData
      guard !more.isEmpty else { throw EndedEarly(output: String(decoding: output, as: UTF8.self)) }
      output += more
    }
  }

  private func outcome() throws -> Outcome {
    output += try reading.readToEnd() ?? Data()
    var status: Int32 = 0
    while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
    hasEnded = true
    // An exit code, or the number of the signal that ended it; see wait(2).
    return Outcome(
      status: status & 0x7F == 0 ? (status >> 8) & 0xFF : status & 0x7F,
      output: String(decoding: output, as: UTF8.self)
    )
  }

  private static func onThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
    }
  }

  struct EndedEarly: Error {
    var output: String
  }
}
