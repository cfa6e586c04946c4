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

  private let process = Process()
  private let pipe = Pipe()
  private var output = Data()

  private init(_ program: String, _ arguments: [String], input: FileHandle? = nil) throws {
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = input ?? FileHandle.nullDevice
    try process.run()
    try pipe.fileHandleForWriting.close()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
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
      var source: Pipe?
      if let input {
        let pipe = Pipe()
        try pipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try pipe.fileHandleForWriting.close()
        source = pipe
      }
      return try EchoProcess(program, arguments, input: source?.fileHandleForReading).outcome()
    }
  }

  /// Runs EchoServer to its end.
  static func run(_ arguments: String...) async throws -> Outcome {
    try await run(echoServer, arguments)
  }

  // MARK: A server

  /// A server that listens, and where.
  static func listening(_ arguments: [String]) async throws -> (server: EchoProcess, host: String, port: UInt16) {
    try await onThread {
      let server = try EchoProcess(echoServer, arguments)
      let line = try server.line { $0.hasPrefix("EchoServer listening on ") }
      let address = line.dropFirst("EchoServer listening on ".count)
      let colon = try #require(address.lastIndex(of: ":"))
      let port = try #require(UInt16(address[address.index(after: colon)...]))
      return (server, String(address[..<colon]), port)
    }
  }

  /// Sends a signal, and waits for the end.
  func end(by signal: Int32) async throws -> Outcome {
    kill(process.processIdentifier, signal)
    return try await Self.onThread { try self.outcome() }
  }

  func signal(_ signal: Int32) {
    kill(process.processIdentifier, signal)
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
      let more = pipe.fileHandleForReading.availableData
      guard !more.isEmpty else { throw EndedEarly(output: String(decoding: output, as: UTF8.self)) }
      output += more
    }
  }

  private func outcome() throws -> Outcome {
    output += try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return Outcome(status: process.terminationStatus, output: String(decoding: output, as: UTF8.self))
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
